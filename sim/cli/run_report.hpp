#pragma once
#include "base/errors.hpp"
#include "io/json.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

/// How a run is told: on the screen and as JSON.
namespace moesaic::cli {

[[nodiscard]] std::string run_summary(scenario::Scenario const& scenario, results::Run const& run);

[[nodiscard]] io::Json run_json(scenario::Scenario const& scenario, results::Run const& run);

/// Of a run with a misfit, at its scenario's plan.
[[nodiscard]] InputError misfit_error(scenario::Scenario const& scenario, results::Run const& run);
/// Why the scenario cannot be done as it stands: it does not fit into memory, or goes over its budget.
[[nodiscard]] std::optional<InputError> refusal_of(scenario::Scenario const& scenario,
                                                   results::Run const& run);

/// The row of a run in the table of many; headings in run_columns().
[[nodiscard]] std::vector<std::string> run_row(scenario::Scenario const& scenario, results::Run const& run);
[[nodiscard]] std::vector<std::string> run_columns();

} // namespace moesaic::cli
