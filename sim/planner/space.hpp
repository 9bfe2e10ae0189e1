#pragma once
#include "planner/collector.hpp"
#include "planner/degrees.hpp"
#include "planner/layer_times.hpp"

#include <vector>

namespace moesaic::planner {

/// What a search goes through. References outlive it.
struct Space {
    Problem const& problem;
    Degrees const& degrees;
    LayerTimes& times;
    Collector& to;
    [[nodiscard]] Lanes lanes() const { return {problem.scenario.pools.size()}; }
};

/// The ways to lay a layer out on the pool, of those that divide the model. @param paired whether passes run as pairs
[[nodiscard]] std::vector<Local> locals_on(Space const& space, int pool, std::vector<bool> const& paired);

/// Plans of one kind on one pool, bounded in columns (closed_form.hpp).
void explore_single_pools(Space const& space);

/// Plans with replicas on several pools, each with its own degrees: a kind g that takes x_g of the step's B sequences needs
/// W/p (x/(d b) + w (p-1)/2), so that together they need (B + sum of d b w (p-1)/2) / (sum of d b p/W) at least.
/// Schedules: replica_mix_schedules().
void explore_replica_mixes(Space const& space);

/// Plans whose every replica has stages on several pools, in each order: B / (sum of d b p_g / W_g) at least, and what the
/// way in and out of stages in that order takes.
/// Schedules: stage_mix_schedules().
void explore_stage_mixes(Space const& space);

} // namespace moesaic::planner
