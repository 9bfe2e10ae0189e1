#pragma once
#include "sweep/sweep_file.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace moesaic::sweep {

/// Shares of a metric's variance over the sweep.
struct SobolIndex {
    std::string axis;
    double first = 0.0;       ///< the axis alone
    double total = 0.0;       ///< the axis with all that it does together with others
    double first_error = 0.0; ///< standard errors, by bootstrap; 0 for a grid, whose indices are exact
    double total_error = 0.0;
};

struct Sensitivity {
    double mean = 0.0;
    double variance = 0.0;
    std::int64_t points = 0;   ///< that the indices rest on
    std::int64_t left_out = 0; ///< points without a value, and those that belong to them
    std::vector<SobolIndex> axes;
};

/// Why there are no indices, in words.
struct NoSensitivity {
    std::string reason;
};

/// Sobol indices of a metric. A saltelli design is estimated with the formulas of Saltelli et al. 2010 (first) and
/// Jansen 1999 (total); of a grid without gaps and conditions they are the variances of its conditional means.
/// @param values by the number of the point; NaN where there is none
[[nodiscard]] std::variant<Sensitivity, NoSensitivity> find_sensitivity(Sweep const& sweep,
                                                                        std::vector<double> const& values);

} // namespace moesaic::sweep
