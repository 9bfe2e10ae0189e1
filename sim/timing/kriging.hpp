#pragma once
#include "timing/smoothness.hpp"
#include "timing/traits.hpp"

#include <span>
#include <vector>

namespace moesaic::timing {

/// A measured value near the place that is asked for.
struct KnownPoint {
    Coordinates at;
    double value = 0;
    int group = 0; ///< which of the groups it belongs to
};

struct Kriged {
    double value = 0;
    double sigma = 0; ///< standard deviation, as the covariance and the misfit of the points have it
};

constexpr int max_known_points = 48;

/// Best linear prediction at `at` from the known points (Eigen): a plane with correlated deviations, of which a
/// point of another group shows its share. Group 0 is that of the place asked for.
/// @param groups what parts them; at most max_known_points points
[[nodiscard]] Kriged krige(std::span<KnownPoint const> points, std::span<Traits const> groups,
                           Coordinates const& at, Smoothness const& smoothness);

} // namespace moesaic::timing
