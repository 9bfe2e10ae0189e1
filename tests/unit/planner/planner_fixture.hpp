#pragma once
#include "io/text_file.hpp"
#include "no_tables.hpp"
#include "planner/problem.hpp"
#include "scenario/run_scenario.hpp"
#include "temporary_file.hpp"

#include <memory>
#include <string>

namespace moesaic::test {

/// A problem with all that it refers to. Timings are analytic: tables are of no concern here.
struct PlanningFixture {
    scenario::Scenario scenario;
    hardware::Topology topology;
    timing::Timings timings = test::no_tables();
    parallel::Pricers pricers;
    planner::Problem problem;

    explicit PlanningFixture(scenario::Scenario of)
        : scenario{std::move(of)}, topology{scenario::topology_of(scenario)},
          pricers{timings, scenario.plan.practice},
          problem{scenario, topology, timings, pricers, planner::imbalance_of(scenario)} {}
};

/// Mixtral with a batch of 48; pools and [search] are the test's own.
inline std::string mixtral_on(std::string const& pools) {
    return R"(
name = "planned"
software = "megatron_bridge_2509"
model = "mixtral_8x7b"
[training]
global_batch = 48
sequence_length = 4096
)" + pools;
}

inline std::unique_ptr<PlanningFixture> planning_of(std::string const& text) {
    TemporaryFile const file{"plan.toml"};
    io::write_text_file(file.path, text);
    return std::make_unique<PlanningFixture>(
        scenario::read_scenario(file.path, {}, MOESAIC_SOURCE_DIR, scenario::PlanNeed::optional));
}

/// What makes two plans the same: not where they stand, nor what an only kind is called.
inline parallel::Plan without_origins(parallel::Plan plan) {
    plan.origin = {};
    if (plan.local_sgd) {
        plan.local_sgd->origin = {};
    }
    for (auto& kind : plan.kinds) {
        kind.name = plan.kinds.size() > 1 ? kind.name : "";
        kind.origin = kind.context_origin = kind.expert_origin = kind.expert_tensor_origin = {};
        for (auto& group : kind.stage_groups) {
            group.origin = group.tensor_origin = {};
        }
    }
    return plan;
}

} // namespace moesaic::test
