#include "base/normal.hpp"

#include <cmath>
#include <numbers>

namespace moesaic {

double log_normal_factor(double sigma, double for_radius, double for_angle) {
    auto const radius = std::sqrt(-2.0 * std::log(for_radius));
    return std::exp(sigma * radius * std::cos(2.0 * std::numbers::pi * for_angle));
}

} // namespace moesaic
