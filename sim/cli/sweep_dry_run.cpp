#include "cli/sweep_dry_run.hpp"

#include "cli/sweep_progress.hpp"
#include "cli/timing_remarks.hpp"
#include "io/json.hpp"

#include <chrono>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

constexpr std::int64_t shown_at_start = 20, shown_at_end = 5;

struct Probe {
    double seconds_per_point = 0.0;
    int points = 0;
    int failed = 0;
};

/// Runs the first, the middle and the last point, one after the other.
Probe probe(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor) {
    auto const options = runner_options(arguments);
    executor.warm_up();
    tell_remarks(executor.base_timings().reports());
    sweep::WorkerPool pool{executor.executor().run, 1, options.limits};
    Probe out;
    auto const begin = std::chrono::steady_clock::now();
    std::int64_t last = -1;
    for (auto const index : {std::int64_t{0}, points.size() / 2, points.size() - 1}) {
        if (index == last) {
            continue;
        }
        last = index;
        pool.start(points.at(index));
        while (!pool.is_idle()) {
            if (auto const done = pool.wait(std::chrono::seconds{1})) {
                ++out.points;
                out.failed += has_failed(done->result) ? 1 : 0;
            }
        }
    }
    auto const time = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    out.seconds_per_point = out.points > 0 ? time / out.points : 0.0;
    return out;
}

void print_point(sweep::Points const& points, std::int64_t index) {
    fmt::print("{:>8}  {}\n", index, axes_text(points, index));
}

void print_points(sweep::Points const& points, bool all) {
    auto const size = points.size();
    bool const cut = !all && size > shown_at_start + shown_at_end;
    for (std::int64_t i = 0; i < (cut ? shown_at_start : size); ++i) {
        print_point(points, i);
    }
    if (cut) {
        fmt::print("{:>8}  {} more (--all shows them)\n", "...", size - shown_at_start - shown_at_end);
        for (auto i = size - shown_at_end; i < size; ++i) {
            print_point(points, i);
        }
    }
}

} // namespace

void tell_dry_run(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor) {
    auto const probed = probe(arguments, points, executor);
    auto const workers = workers_of(arguments);
    auto const estimate = probed.seconds_per_point * static_cast<double>(points.size()) / workers;
    auto const& sweep = points.sweep();
    if (arguments.json) {
        auto out = io::Json::object();
        out.set("sweep", sweep.name).set("design", sweep::name_of(sweep.design)).set("points", points.size());
        out.set("seconds_per_point", probed.seconds_per_point).set("workers", workers);
        out.set("estimated_wall_s", estimate)
            .set("probed", probed.points)
            .set("probed_failed", probed.failed);
        fmt::print("{}\n", out.text());
        return;
    }
    fmt::print("{}\n{} points ({})\n\n", sweep.name, points.size(), sweep::name_of(sweep.design));
    print_points(points, arguments.all);
    fmt::print(
        "\nabout {:.0f} s with {} workers ({:.1f} ms a point, from {} points of which {} failed), nothing "
        "taken from the cache\n",
        estimate, workers, 1e3 * probed.seconds_per_point, probed.points, probed.failed);
}

} // namespace moesaic::cli
