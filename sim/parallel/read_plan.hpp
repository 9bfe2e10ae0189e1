#pragma once
#include "io/toml.hpp"
#include "model/precision.hpp"
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

} // namespace moesaic::parallel
