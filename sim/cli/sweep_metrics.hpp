#pragma once
#include "results/run.hpp"
#include "sweep/cell.hpp"

#include <vector>

namespace moesaic::cli {

/// Columns of a point's metrics. @param spending with those of scenarios with [economics]
[[nodiscard]] std::vector<sweep::Column> run_metric_columns(bool spending);

/// The metrics of a run, one for each of these columns.
[[nodiscard]] std::vector<sweep::Cell> metrics_of_run(results::Run const& run, bool spending);

} // namespace moesaic::cli
