#pragma once
#include "base/errors.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

namespace moesaic {

/// What so large a share of the values lies below, by straight line between the two neighbours in order of size (type 7 of
/// Hyndman and Fan 1996, the default of R and NumPy).
/// @param values at least one, none of them NaN   @param share 0 to 1
template <std::floating_point T>
[[nodiscard]] T quantile(std::vector<T> values, double share) {
    expects(!values.empty() && share >= 0.0 && share <= 1.0, "a quantile of something");
    double const at = share * static_cast<double>(values.size() - 1);
    auto const whole = static_cast<std::ptrdiff_t>(at);
    auto const below = values.begin() + whole;
    std::ranges::nth_element(values, below);
    if (below + 1 == values.end()) {
        return *below;
    }
    auto const above = std::ranges::min_element(below + 1, values.end());
    return static_cast<T>(*below + (at - static_cast<double>(whole)) * (*above - *below));
}

/// The middle value; of an even number half way between the middle two.
/// @param values at least one, none of them NaN
template <std::floating_point T>
[[nodiscard]] T median(std::vector<T> values) {
    return quantile(std::move(values), 0.5);
}

} // namespace moesaic
