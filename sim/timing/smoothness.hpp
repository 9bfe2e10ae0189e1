#pragma once
#include "timing/kernel.hpp"

namespace moesaic::timing {

/// How ln(time / roofline time) goes with the shape, for one family of operations: the covariance of a Gaussian
/// process over scaled log2 of the sizes. Chosen by held-out error on the public collection.
struct Smoothness {
    Coordinates metric{1, 1, 1, 1, 1, 1}; ///< factors on the coordinates
    double length = 2;                    ///< over which the ratio keeps its value
    double amplitude = 0.1;               ///< of its ups and downs
    double slope = 0.1;                   ///< of its trend, per unit of length
    double noise = 0.02;                  ///< of a single measurement
    double along_first = 0;               ///< ups and downs common to all shapes of nearly equal first size
    double first_length = 0.5;
    double same_first = 0;  ///< an effect of exactly this first size (rows that fill tiles badly)
    double same_rest = 0;   ///< an effect of exactly these other sizes (a kernel chosen for these weights)
    double rest_length = 4; ///< along the first size
    int neighbours = 24;
    double launch = 5e-6; ///< seconds added to the roofline, so that small shapes do not stand out
};
[[nodiscard]] Smoothness const& smoothness_of(Family family);
[[nodiscard]] Coordinates scaled(Coordinates at, Smoothness const& smoothness);

} // namespace moesaic::timing
