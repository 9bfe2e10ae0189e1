#include "timing/error_draw.hpp"

#include "base/random.hpp"

#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace moesaic::timing {

double ErrorDraw::factor(std::string_view kind, double sigma) const {
    Rng rng{seed_, fmt::format("timings {} draw {}", kind, draw_)};
    // Box and Muller; 1 - uniform() is above 0
    auto const radius = std::sqrt(-2.0 * std::log(1.0 - rng.uniform()));
    return std::exp(sigma * radius * std::cos(2.0 * std::numbers::pi * rng.uniform()));
}

} // namespace moesaic::timing
