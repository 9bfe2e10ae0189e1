#include "apart.hpp"
#include "engine/event_loop.hpp"
#include "engine/lowering.hpp"
#include "engine/simulate.hpp"
#include "engine/step_bound.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <chrono>
#include <fmt/format.h>
#include <map>

/// One collective of 1 GB per rank on 8 to 4,096 chips: time simulated with one rank (folded) and with all, the bound,
/// SimGrid's own full flow set (every pair a flow, without start-up time and protocol losses) beside our flows under
/// the same conditions, and what it costs. Leaves of 4 nodes; one tier above them with 1:1 or 4:1 uplinks.
using namespace moesaic;

namespace {

constexpr double bytes = 1e9;
constexpr double no_cap = 1e13;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Case {
    timing::CollectiveKind kind;
    int chips;
    double oversubscription;
};

test::Shape shape_of(Case const& c) {
    return {.nodes = c.chips / 8, .nodes_per_leaf = 4, .oversubscription = c.oversubscription};
}

parallel::Program program_of(Case const& c) {
    parallel::Program program;
    auto const all = test::ranks(0, 1, c.chips);
    program.classes = {test::class_of("all", all)};
    program.classes[0].blocks = {{"block",
                                  parallel::Phase::forward,
                                  {test::collective(parallel::Stream::expert, c.kind, bytes, all)}}};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    return program;
}

struct Simulated {
    double step = 0.0;
    double bound = 0.0;
    double wall = 0.0; ///< with the topology
};

Simulated simulated(Case const& c, engine::Fold fold) {
    auto const start = seconds_now();
    auto const topology = test::topology_of(shape_of(c));
    auto const timings = test::no_tables();
    auto const program = program_of(c);
    Simulated out;
    out.step = engine::simulate(program, topology, timings, {.fold = fold}).step.value();
    out.wall = seconds_now() - start;
    out.bound = engine::step_bound(program, topology, timings).value();
    return out;
}

/// Time of flows that start together.
class Flows {
  public:
    explicit Flows(hardware::Topology const& topology) : topology_{topology} {}
    void add(std::vector<engine::LinkUse> const& uses, double size, double weight) {
        engine::FlowSpec spec{{}, size, weight, 5e-6, no_cap};
        for (auto const& use : uses) {
            auto const [at, is_new] = resources_.try_emplace(use.link, 0);
            if (is_new) {
                at->second = loop_.add_resource("link", topology_.link(use.link).bandwidth.value());
            }
            spec.uses.push_back({at->second, static_cast<int>(use.times)});
        }
        flows_.push_back(loop_.add_flow(std::move(spec)));
    }
    double run() {
        double end = 0.0;
        loop_.run(
            [&] {
                for (auto const flow : flows_) {
                    loop_.start_flow(flow, 0);
                }
            },
            [&](engine::EventLoop::Token) { end = loop_.now(); });
        return end;
    }

  private:
    hardware::Topology const& topology_;
    engine::EventLoop loop_{engine::Sharing::checked};
    std::map<LinkId, int> resources_;
    std::vector<int> flows_;
};

double every_pair(Case const& c) {
    auto const topology = test::topology_of(shape_of(c));
    Flows flows{topology};
    for (int from = 0; from < c.chips; ++from) {
        for (int to = 0; to < c.chips; ++to) {
            if (from != to) {
                std::vector<engine::LinkUse> uses;
                for (auto const link : topology.route(ChipIndex{from}, ChipIndex{to})) {
                    uses.push_back({link, 1.0});
                }
                flows.add(uses, bytes / c.chips, 1.0);
            }
        }
    }
    return flows.run();
}

double one_rank(Case const& c) {
    auto const topology = test::topology_of(shape_of(c));
    auto const program = program_of(c);
    auto const& work = std::get<parallel::Collective>(program.classes[0].blocks[0].ops[0].work);
    Flows flows{topology};
    for (auto const& flow : engine::lower(work, program.classes[0], topology).flows) {
        flows.add(flow.uses, flow.bytes.value(), flow.weight);
    }
    return flows.run();
}

void line(Case const& c) {
    auto const folded = test::apart([&] { return simulated(c, engine::Fold::automatic); });
    auto const text = [](double value) {
        return value > 0.0 ? fmt::format("{:.3f}", 1e3 * value) : std::string{"-"};
    };
    auto const unfold = c.chips <= 1024 || c.kind == timing::CollectiveKind::all_reduce;
    auto const all =
        unfold ? test::apart([&] { return simulated(c, engine::Fold::none); }) : decltype(folded){};
    auto const pairs = c.chips <= 64 && c.kind == timing::CollectiveKind::all_to_all;
    auto const full = pairs ? test::apart([&] { return every_pair(c); }).result : 0.0;
    auto const rank = pairs ? test::apart([&] { return one_rank(c); }).result : 0.0;
    fmt::print("{:<12} {:>6} {:>6.0f}:1 {:>9} {:>9} {:>9} {:>9} {:>9} {:>9.1f} {:>8.0f} {:>9} {:>8.0f}\n",
               timing::name_of(c.kind), c.chips, c.oversubscription, text(folded.result.step),
               text(all.result.step), text(folded.result.bound), text(full), text(rank),
               1e3 * folded.result.wall, folded.peak_mib, text(all.result.wall), all.peak_mib);
}

} // namespace

int main() {
    fmt::print("{:<12} {:>6} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>8}\n", "", "", "",
               "folded", "all ranks", "bound", "pairs", "one rank", "folded", "folded", "all ranks",
               "all ranks");
    fmt::print("{:<12} {:>6} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>8}\n", "collective",
               "chips", "uplinks", "ms", "ms", "ms", "ms", "ms", "wall ms", "MiB", "wall ms", "MiB");
    for (auto const kind : {timing::CollectiveKind::all_to_all, timing::CollectiveKind::all_reduce}) {
        for (auto const oversubscription : {1.0, 4.0}) {
            for (int chips = 8; chips <= 4096; chips *= 2) {
                line({kind, chips, oversubscription});
            }
        }
    }
}
