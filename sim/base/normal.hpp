#pragma once

namespace moesaic {

/// 80 % of a normal distribution lie within so many standard deviations of its mean: its quantile at 0.9.
constexpr double sigmas_of_80 = 1.2815515655446004;

/// A factor whose logarithm is normal with mean 0 and this standard deviation, of two uniform draws (Box and Muller).
/// @param for_radius above 0, at most 1
[[nodiscard]] double log_normal_factor(double sigma, double for_radius, double for_angle);

} // namespace moesaic
