#include "economics/spread.hpp"

#include <cmath>

namespace moesaic::economics {

double quantile(Spread const& spread, double u) {
    return u < 0.5 ? spread.value - (spread.value - spread.low) * (1.0 - std::sqrt(2.0 * u))
                   : spread.value + (spread.high - spread.value) * (1.0 - std::sqrt(2.0 * (1.0 - u)));
}

Interval80 interval_80(std::vector<double> samples) {
    expects(!samples.empty(), "an interval needs samples");
    std::ranges::sort(samples);
    auto const at = [&](double share) {
        return samples[static_cast<std::size_t>(
            std::lround(share * static_cast<double>(samples.size() - 1)))];
    };
    return {at(0.1), at(0.9)};
}

} // namespace moesaic::economics
