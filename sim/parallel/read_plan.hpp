#pragma once
#include "io/toml.hpp"
#include "model/shard.hpp"
#include "parallel/plan.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesaic::parallel {

/// What the plan reader must know of the rest of the scenario.
struct PlanContext {
    std::vector<std::string> pool_names;
    std::vector<int> pool_chips;
    int global_batch = 0;                                 ///< sequences per step
    model::Precision precision;                           ///< default of all stages
    std::vector<std::pair<std::string, int>> other_names; ///< of pools, by their place in pool_names
    Plan defaults;                                        ///< of the software; kinds are not read from it
};

/// Reads [parallel]. Degrees that do not divide, pools that are unknown or over-used are errors with
/// position.
[[nodiscard]] Plan read_plan(io::TomlTable const& table, PlanContext const& context);
/// `precision` (of the layers' matrix products), `activations` (of all else) and `dispatch_precision` (of tokens on
/// their way to the experts).
[[nodiscard]] model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise);

} // namespace moesaic::parallel
