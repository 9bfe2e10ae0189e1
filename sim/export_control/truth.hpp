#pragma once
#include <algorithm>
#include <string_view>

namespace moesaic::export_control {

/// Kleene's three values. A figure that is not known makes a comparison unknown, and the unknown spreads only
/// as far as it matters: no and unknown = no, yes or unknown = yes.
enum class Truth { no, unknown, yes };

[[nodiscard]] constexpr Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }
[[nodiscard]] constexpr Truth operator!(Truth a) {
    return a == Truth::unknown ? a : truth_of(a == Truth::no);
}
[[nodiscard]] constexpr Truth operator&(Truth a, Truth b) { return std::min(a, b); }
[[nodiscard]] constexpr Truth operator|(Truth a, Truth b) { return std::max(a, b); }
[[nodiscard]] constexpr std::string_view name_of(Truth t) {
    return t == Truth::yes ? "yes" : t == Truth::no ? "no" : "unknown";
}

} // namespace moesaic::export_control
