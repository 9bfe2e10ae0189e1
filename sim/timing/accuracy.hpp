#pragma once
#include "timing/kernel_time.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesaic::timing {

/// How the predictions of one kind of row compare with what was measured.
struct AccuracyGroup {
    std::string op, dtype, chip; ///< empty where summed over
    std::int64_t rows = 0;
    double median_abs_error = 0; ///< |predicted / measured - 1|
    double p90_abs_error = 0;
    double interval_80_coverage = 0; ///< share of rows whose stated 80 % interval holds the measured time
};

struct AccuracyReport {
    std::vector<AccuracyGroup> groups; ///< by op, dtype and chip
    std::vector<AccuracyGroup> by_op;  ///< over chips and dtypes
    std::int64_t unpredicted = 0;      ///< rows for which nothing comparable is loaded
    std::int64_t given = 0; ///< rows whose very shape is among the measured ones: their errors say little
};

/// Predicts the rows from tables that should not hold them.
[[nodiscard]] AccuracyReport check_rows(Estimator const& estimator, std::vector<Measurement> const& rows);

/// Predicts rows of reference chips as if their own chip had none: from the curves of the others alone.
[[nodiscard]] AccuracyReport check_transfers(Estimator const& estimator);

/// Whether a shape belongs to the share that is held out: by a hash of operation and shape, so that all chips,
/// formats and libraries of one shape go the same way.
[[nodiscard]] bool is_held_out(Measurement const& row, std::uint64_t seed);

} // namespace moesaic::timing
