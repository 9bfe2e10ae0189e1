#include "apart.hpp"
#include "engine/simulate.hpp"
#include "hardware/catalogue.hpp"
#include "model/model.hpp"
#include "no_tables.hpp"
#include "parallel/build_program.hpp"

#include <chrono>
#include <fmt/format.h>

#include <string>
#include <vector>

/// Wall time, CPU time and memory of whole steps: DeepSeek-V3, PP16 EP64, 120 micro-batches per replica, 1F1B, on
/// more and more chips. One line per size.
using namespace moesaic;

namespace {

struct Case {
    int chips;
    int micro_batches;
    int chunks; ///< of a stage
    engine::Fold fold = engine::Fold::automatic;
};

struct Figures {
    double step_s = 0.0;
    double topology_s = 0.0;
    double program_s = 0.0;
    double simulate_s = 0.0;
    double activities = 0.0;
    double cells = 0.0;
};

std::string const data = MOESAIC_SOURCE_DIR;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

parallel::Plan plan_of(Case const& c) {
    parallel::Plan plan;
    parallel::ReplicaKind kind;
    kind.name = "all";
    kind.replicas = c.chips / 16;
    kind.expert = 64;
    kind.micro_batches = c.micro_batches;
    parallel::StageGroup group;
    group.stages = 16;
    kind.stage_groups = {group};
    plan.kinds = {kind};
    plan.layer_split = parallel::LayerSplit::balanced;
    if (c.chunks > 1) {
        plan.schedule = parallel::Interleaved{c.chunks};
    }
    return plan;
}

Figures measure(Case const& c) {
    hardware::Catalogue const catalogue{data + "/platforms"};
    auto const model = moesaic::model::ModelCatalogue{data + "/scenarios/models"}.model("deepseek_v3", {});
    auto cluster = catalogue.cluster("deepseek_h800_2048", {});
    cluster.nodes = c.chips / cluster.node.chips;
    auto const timings = test::no_tables();
    auto const plan = plan_of(c);

    Figures out;
    auto const start = seconds_now();
    hardware::Topology const topology{{{cluster, c.chips}}, {}};
    auto const have_topology = seconds_now();
    auto const program =
        parallel::build_program({model, plan, {4096, c.chips / 16 * c.micro_batches}, topology, timings});
    auto const have_program = seconds_now();
    auto const timeline = engine::simulate(program, topology, timings, {.fold = c.fold});
    auto const end = seconds_now();
    out.step_s = timeline.step.value();
    out.topology_s = have_topology - start;
    out.program_s = have_program - have_topology;
    out.simulate_s = end - have_program;
    out.activities = static_cast<double>(timeline.activities);
    out.cells = static_cast<double>(timeline.cells);
    return out;
}

} // namespace

int main() {
    fmt::print("{:>7} {:>6} {:>6} {:>6} {:>9} {:>10} {:>9} {:>10} {:>10} {:>7} {:>8} {:>8}\n", "chips",
               "micro", "chunks", "cells", "step s", "topology s", "program s", "simulate s", "activities",
               "M act/s", "CPU s", "peak MiB");
    using engine::Fold;
    std::vector<Case> const cases{{1024, 120, 1},
                                  {2048, 120, 1},
                                  {4096, 120, 1},
                                  {8192, 120, 1},
                                  {16384, 120, 1},
                                  {2048, 128, 2},
                                  {16384, 128, 2},
                                  {1024, 120, 1, Fold::none},
                                  {2048, 120, 1, Fold::none}};
    for (auto const& c : cases) {
        auto const run = test::apart([&] { return measure(c); });
        auto const& f = run.result;
        fmt::print("{:>7} {:>6} {:>6} {:>6.0f} {:>9.3f} {:>10.3f} {:>9.3f} {:>10.3f} {:>10.0f} {:>7.2f} "
                   "{:>8.2f} {:>8.0f}\n",
                   c.chips, c.micro_batches, c.chunks, f.cells, f.step_s, f.topology_s, f.program_s,
                   f.simulate_s, f.activities, f.activities / f.simulate_s * 1e-6, run.cpu_s, run.peak_mib);
    }
}
