#pragma once
#include "results/run_file.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

namespace moesaic::scenario {

/// What a run file tells about where the run came from.
/// @param timings tables beside those that the scenario names
[[nodiscard]] results::RunOrigin origin_of(Scenario const& scenario, std::vector<std::string> const& timings,
                                           std::string version, std::string calibration = {});

} // namespace moesaic::scenario
