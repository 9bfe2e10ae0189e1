#pragma once
#include "results/run.hpp"
#include "sweep/cell.hpp"

#include <vector>

namespace moesaic::cli {

/// Columns of a point's metrics.
[[nodiscard]] std::vector<sweep::Column> run_metric_columns();

/// The metrics of a run, one for each of these columns.
[[nodiscard]] std::vector<sweep::Cell> metrics_of_run(results::Run const& run);

} // namespace moesaic::cli
