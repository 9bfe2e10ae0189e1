#pragma once
#include "io/json.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

/// How a run is told: on the screen and as JSON.
namespace moesaic::cli {

[[nodiscard]] std::string run_summary(scenario::Scenario const& scenario, results::Run const& run);

[[nodiscard]] io::Json run_json(scenario::Scenario const& scenario, results::Run const& run);

/// The row of a run in the table of many; headings in run_columns().
[[nodiscard]] std::vector<std::string> run_row(scenario::Scenario const& scenario, results::Run const& run);
[[nodiscard]] std::vector<std::string> run_columns();

} // namespace moesaic::cli
