#pragma once
#include "parallel/build_program.hpp"
#include "parallel/price.hpp"
#include "scenario/scenario.hpp"

#include <map>
#include <vector>

namespace moesaic::planner {

/// What is to be planned. References outlive it.
struct Problem {
    scenario::Scenario const& scenario;
    hardware::Topology const& topology;
    timing::Timings const& timings;
    parallel::Pricers& pricers;      ///< prices once asked for stay known
    std::map<int, double> imbalance; ///< by expert degree: rows of the busiest rank over the mean

    [[nodiscard]] parallel::Job job(parallel::Plan const& plan) const {
        return {scenario.model, plan, scenario.shape, topology, timings, pricers.calibration()};
    }
    [[nodiscard]] hardware::NodeType const& node(int pool) const {
        return scenario.pools[static_cast<std::size_t>(pool)].cluster.node;
    }
};

/// Imbalance by the scenario's routing, else as its plan says.
[[nodiscard]] std::map<int, double> imbalance_of(scenario::Scenario const& scenario);
/// Number formats of the pool's stages: as the scenario's own plan has them there, else those of [training].
[[nodiscard]] model::Precision precision_on(Problem const& problem, int pool);
/// Those of all pools.
[[nodiscard]] std::vector<model::Precision> precisions_of(Problem const& problem);

} // namespace moesaic::planner
