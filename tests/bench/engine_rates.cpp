#include "apart.hpp"
#include "engine/event_loop.hpp"
#include "engine/simulate.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <string_view>
#include <vector>

/// Activities per second of CPU time: timers alone, flows alone with more and more of them in flight, and the runner with
/// chains of kernels on many classes.
using namespace moesaic;

namespace {

constexpr int activities = 400000;

/// Of this process's processor: other work on the machine does not count.
double seconds_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// @param in_flight chains side by side, each with its own duration so that few end together
double timers(int in_flight) {
    engine::EventLoop loop{engine::Sharing::simulated};
    int left = activities;
    auto const next = [&](engine::EventLoop::Token chain) {
        if (left-- > 0) {
            loop.start_timer(1e-3 * (1.0 + 1e-4 * static_cast<double>(chain)), chain);
        }
    };
    auto const start = seconds_now();
    loop.run(
        [&] {
            for (int chain = 0; chain < in_flight; ++chain) {
                next(chain);
            }
        },
        next);
    return activities / (seconds_now() - start);
}

/// @param sharing flows on one link
double flows(int in_flight, int sharing) {
    engine::EventLoop loop{engine::Sharing::simulated};
    for (int chain = 0; chain < in_flight; ++chain) {
        static int link = 0;
        if (chain % sharing == 0) {
            link = loop.add_resource("link", 50e9);
        }
        loop.add_flow({{{link, 1}}, 1e6 * (1.0 + 1e-3 * chain), 1.0, 5e-6, 45e9});
    }
    int left = activities / 4;
    auto const next = [&](engine::EventLoop::Token chain) {
        if (left-- > 0) {
            loop.start_flow(static_cast<int>(chain), chain);
        }
    };
    auto const start = seconds_now();
    loop.run(
        [&] {
            for (int chain = 0; chain < in_flight; ++chain) {
                next(chain);
            }
        },
        next);
    return activities / 4 / (seconds_now() - start);
}

/// Kernels that wait for a collective of one rank (none), so that none fuse: the runner's own cost.
double runner(int classes) {
    auto const topology = test::topology_of({.nodes = classes});
    parallel::Program program;
    auto const items = activities / 8 / classes;
    for (int c = 0; c < classes; ++c) {
        auto stage = test::class_of("class", test::ranks(8 * c, 1, 8));
        parallel::Block block{"block", parallel::Phase::forward, {}};
        for (int k = 0; k < 8; ++k) {
            block.ops.push_back(test::kernel(1e-3 * (1.0 + 1e-4 * c + 1e-6 * k), "up"));
            block.ops.push_back(test::collective(parallel::Stream::tensor, timing::CollectiveKind::all_reduce,
                                                 1.0, test::ranks(8 * c, 1, 1), {2 * k}));
            if (k > 0) {
                block.ops[2 * k].after = {2 * k - 1};
            }
        }
        stage.blocks = {block};
        for (int i = 0; i < items; ++i) {
            stage.schedule.push_back({0, i, {}, {}});
        }
        program.classes.push_back(std::move(stage));
    }
    auto const start = seconds_now();
    auto const timeline = engine::simulate(program, topology, test::no_tables());
    return static_cast<double>(timeline.activities) / (seconds_now() - start);
}

} // namespace

/// @param argv the beginnings of what to measure; none = all
int main(int argc, char** argv) {
    std::vector<std::string_view> const wanted{argv + 1, argv + argc};
    fmt::print("{:<38} {:>9} {:>13} {:>9}\n", "what", "in flight", "M act/CPU s", "peak MiB");
    auto const line = [&](std::string_view what, int in_flight, auto const& work) {
        if (!wanted.empty() && std::ranges::none_of(wanted, [&](auto w) { return what.starts_with(w); })) {
            return;
        }
        auto const run = test::apart(work);
        fmt::print("{:<38} {:>9} {:>13.2f} {:>9.0f}\n", what, in_flight, run.result * 1e-6, run.peak_mib);
    };
    for (int const n : {1, 16, 256, 4096}) {
        line("timers", n, [n] { return timers(n); });
    }
    for (int const n : {1, 16, 64, 256, 500, 1000}) {
        line("flows, each on a link of its own", n, [n] { return flows(n, 1); });
    }
    for (int const n : {16, 64, 256, 500}) {
        line("flows, 4 to a link", n, [n] { return flows(n, 4); });
    }
    for (int const n : {1, 16, 256}) {
        line("kernels through the runner, classes", n, [n] { return runner(n); });
    }
}
