#pragma once
#include "io/toml.hpp"
#include "model/model.hpp"
#include "parallel/plan.hpp"

#include <string>
#include <vector>

namespace moesaic::scenario {

/// How a plan may use more than one pool.
struct PoolUses {
    bool alone = true;    ///< one pool, the others idle
    bool replicas = true; ///< whole replicas on each, with their own degrees
    bool stages = true;   ///< stages of every replica on each
};

/// Which plans `moesaic plan` looks at: [search] of a scenario. An empty list leaves the choice to the planner.
struct SearchSpace {
    std::vector<int> tensor, context, expert, pipeline, micro_batch;
    std::vector<int> replicas;
    std::vector<parallel::Schedule> schedules; ///< each with and without `paired` where it can be
    std::vector<parallel::Recompute> recompute;
    std::vector<int> zero;
    std::vector<bool> overlap_exchange;
    PoolUses pools;
};

/// @throws InputError for unknown keys and names, and expert degrees over which the model's experts do not divide
[[nodiscard]] SearchSpace read_search_space(io::TomlTable const& table, model::Model const& model);

} // namespace moesaic::scenario
