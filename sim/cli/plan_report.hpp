#pragma once
#include "io/json.hpp"
#include "parallel/choices.hpp"
#include "planner/search.hpp"
#include "scenario/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::cli {

/// What is to be least.
enum class PlanGoal { time, cost, energy };
[[nodiscard]] parallel::Choices<PlanGoal> const& plan_goal_choices();

/// What `moesaic plan` found.
struct PlanReport {
    scenario::Scenario const& scenario;
    planner::Outcome outcome;
    PlanGoal goal = PlanGoal::time;
    /// What a trillion tokens cost for each chip and second of a step, by pool; empty without prices.
    std::vector<Money> cost_rates;
    std::vector<double> watts;         ///< of a chip, by pool; empty where not asked for
    std::optional<double> own_seconds; ///< of the scenario's own plan
    double wall_s = 0.0;
};

[[nodiscard]] std::string plan_summary(PlanReport const& report);
[[nodiscard]] io::Json plan_json(PlanReport const& report);

} // namespace moesaic::cli
