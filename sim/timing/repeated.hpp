#pragma once
#include "base/quantile.hpp"
#include "base/units.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace moesaic::timing {

/// One shape that was measured once or more often.
struct Repeated {
    Seconds time;     ///< the median
    double sigma = 0; ///< standard error of ln(time); 0 of one measurement
};

/// @param seconds at least one, each above zero
[[nodiscard]] inline Repeated repeated(std::vector<double> seconds) {
    auto const count = static_cast<double>(seconds.size());
    double sum = 0.0, squares = 0.0;
    for (double const s : seconds) {
        sum += std::log(s);
    }
    for (double const s : seconds) {
        squares += (std::log(s) - sum / count) * (std::log(s) - sum / count);
    }
    auto const sigma = seconds.size() < 2 ? 0.0 : std::sqrt(squares / (count - 1.0) / count);
    return {Seconds{median(std::move(seconds))}, sigma};
}

} // namespace moesaic::timing
