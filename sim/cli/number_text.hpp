#pragma once
#include <string>

namespace moesaic::cli {

/// 0.314 -> "31.4 %"
[[nodiscard]] std::string percent(double share);
/// 230909.2 -> "230,909"
[[nodiscard]] std::string grouped(double value);

} // namespace moesaic::cli
