#pragma once
#include "parallel/plan.hpp"
#include "scenario/scenario.hpp"

#include <string>

namespace moesaic::planner {

/// The scenario with this plan in place of its own, as a file that `moesaic run` takes. What it says of a search, of a
/// published run and of assumptions about its own plan is left out; files that it names are named from the root.
[[nodiscard]] std::string scenario_text(scenario::Scenario const& scenario, parallel::Plan const& plan);
/// [parallel] alone. Experts on ranks of their own are in no plan that is found, and are left out.
[[nodiscard]] std::string plan_toml(scenario::Scenario const& scenario, parallel::Plan const& plan);

} // namespace moesaic::planner
