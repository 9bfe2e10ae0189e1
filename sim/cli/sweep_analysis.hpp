#pragma once
#include "io/json.hpp"

#include <string>

namespace moesaic::cli {

/// What `moesaic analyze --json` prints, of the goal, step time, cost and MFU; and which metric the goal is.
/// @throws InputError where it is no result file of a sweep
[[nodiscard]] io::Json sweep_analysis_json(std::string const& result);

} // namespace moesaic::cli
