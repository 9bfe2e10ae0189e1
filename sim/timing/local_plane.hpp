#pragma once
#include "timing/kernel.hpp"

#include <span>

namespace moesaic::timing {

struct WeightedPoint {
    Coordinates at;
    double value = 0;
    double weight = 1;
};

struct PlaneFit {
    double value = 0;  ///< at the asked place
    double spread = 0; ///< weighted root mean square of what the plane leaves over
};

/// Weighted plane through the points (Eigen), evaluated at `at`. A small ridge keeps slopes that the points
/// do not show at zero, so that points on a line are enough; without points the value is 0.
[[nodiscard]] PlaneFit fit_plane(std::span<WeightedPoint const> points, Coordinates const& at);

} // namespace moesaic::timing
