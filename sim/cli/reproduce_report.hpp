#pragma once
#include "io/json.hpp"
#include "results/reproduction.hpp"

#include <string>
#include <vector>

namespace moesaic::cli {

/// A line per run, flagged ones and those that could not be simulated apart; below them the accuracy by group.
[[nodiscard]] std::string reproduction_text(std::vector<results::Reproduced> const& runs);
/// {"records": […], "groups": […]}; errors are ln(simulated / published) of the step time.
/// @param left_out why scenarios could not be read
[[nodiscard]] io::Json reproduction_json(std::vector<results::Reproduced> const& runs,
                                         std::vector<std::string> const& left_out);
/// A line per run with all that is known of it.
[[nodiscard]] std::string reproduction_csv(std::vector<results::Reproduced> const& runs);

} // namespace moesaic::cli
