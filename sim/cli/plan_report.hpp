#pragma once
#include "io/json.hpp"
#include "planner/search.hpp"
#include "scenario/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::cli {

/// What `moesaic plan` found.
struct PlanReport {
    scenario::Scenario const& scenario;
    planner::Outcome outcome;
    std::string objective; ///< "time", "cost" or "energy"
    std::vector<Money>
        costs_per_trillion_tokens;     ///< per second of a step and chip, by pool; empty without prices
    std::vector<double> watts;         ///< of a chip, by pool; empty where not asked for
    std::optional<double> own_seconds; ///< of the scenario's own plan
    double wall_s = 0.0;
};

[[nodiscard]] std::string plan_summary(PlanReport const& report);
[[nodiscard]] io::Json plan_json(PlanReport const& report);

} // namespace moesaic::cli
