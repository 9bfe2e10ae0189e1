#include "timing/error_draw.hpp"

#include "base/normal.hpp"
#include "base/random.hpp"

#include <fmt/format.h>

namespace moesaic::timing {

double ErrorDraw::factor(std::string_view kind, double sigma) const {
    Rng rng{seed_, fmt::format("timings {} draw {}", kind, draw_)};
    auto const for_radius = 1.0 - rng.uniform(); // above 0
    auto const for_angle = rng.uniform();
    return log_normal_factor(sigma, for_radius, for_angle);
}

} // namespace moesaic::timing
