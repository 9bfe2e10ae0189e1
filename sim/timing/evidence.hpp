#pragma once
#include "base/units.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace moesaic::timing {

/// Where a duration comes from, best first.
///   measured      this very shape on this chip
///   interpolated  between measured shapes of this chip
///   transferred   the curve of another chip, scaled by the peaks, or a pass by its work from another pass
///   analytic      roofline with a stated efficiency
enum class Evidence { measured, interpolated, transferred, analytic };
constexpr int evidence_levels = 4;
[[nodiscard]] constexpr std::string_view name_of(Evidence e) {
    constexpr std::string_view names[] = {"measured", "interpolated", "transferred", "analytic"};
    return names[static_cast<int>(e)];
}
/// A sum is as weak as its weakest part.
[[nodiscard]] constexpr Evidence weakest(Evidence a, Evidence b) { return std::max(a, b); }

/// A time with its evidence. `sigma` is the relative standard uncertainty: ln(true/said) has this spread.
struct Duration {
    Seconds time;
    Evidence evidence = Evidence::analytic;
    double sigma = 0.0;
};

} // namespace moesaic::timing
