#pragma once
#include "io/json.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"

#include <string>

/// How the whole training and what it costs are told.
namespace moesaic::cli {

/// Days, steps, failures; lines of the summary.
[[nodiscard]] std::string training_text(scenario::Scenario const& scenario, results::Run const& run);
[[nodiscard]] io::Json training_json(results::TrainingTime const& training);

/// Chips with the days on which they came, cost, outlay, energy; lines of the summary.
[[nodiscard]] std::string spending_text(results::Spending const& spending);
[[nodiscard]] io::Json spending_json(results::Spending const& spending);

/// "takes 320 M CNY until the training ends, more than the budget of 300 M CNY"
[[nodiscard]] std::string over_budget_text(results::Spending const& spending);

/// "1920 nvidia_h800_sxm5 owned since 2023-06-01"
[[nodiscard]] std::string lot_text(export_control::AcquiredLot const& acquired);

} // namespace moesaic::cli
