#pragma once
#include "base/errors.hpp"
#include "hardware/fact.hpp"

#include <algorithm>
#include <vector>

namespace moesaic::economics {

/// A figure with the least and the largest of what its sources say.
struct Spread {
    double low = 0.0;
    double value = 0.0;
    double high = 0.0;
    friend bool operator==(Spread const&, Spread const&) = default;
};

/// @param number turns the fact's values into plain numbers of one unit
template <class T, class Number>
[[nodiscard]] Spread spread_of(hardware::Fact<T> const& fact, Number number) {
    double const value = number(fact.value);
    Spread out{value, value, value};
    for (auto const& other : fact.alternatives) {
        out.low = std::min(out.low, number(other.value));
        out.high = std::max(out.high, number(other.value));
    }
    return out;
}
[[nodiscard]] inline Spread spread_of(hardware::Fact<double> const& fact) {
    return spread_of(fact, [](double value) { return value; });
}
[[nodiscard]] inline Spread operator*(Spread const& spread, double factor) {
    expects(factor >= 0.0, "a spread keeps its order");
    return {spread.low * factor, spread.value * factor, spread.high * factor};
}

/// Where the share u of the draws lies below: half of them on either side of the value, densest beside it, none beyond the
/// ends. So the value is the median, also where all other sources are on one side of it.
[[nodiscard]] double quantile(Spread const& spread, double u);

/// Between the tenth and the ninetieth percentile.
struct Interval80 {
    double low = 0.0;
    double high = 0.0;
};
/// @param samples not empty
[[nodiscard]] Interval80 interval_80(std::vector<double> samples);

} // namespace moesaic::economics
