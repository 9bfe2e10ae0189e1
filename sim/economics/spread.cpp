#include "economics/spread.hpp"

#include <cmath>

namespace moesaic::economics {

double quantile(Spread const& spread, double u) {
    double const width = spread.high - spread.low;
    if (width <= 0.0) {
        return spread.value;
    }
    double const below = (spread.value - spread.low) / width;
    return u < below ? spread.low + std::sqrt(u * width * (spread.value - spread.low))
                     : spread.high - std::sqrt((1.0 - u) * width * (spread.high - spread.value));
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
