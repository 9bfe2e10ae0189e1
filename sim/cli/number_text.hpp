#pragma once
#include <cstdint>
#include <string>

namespace moesaic::cli {

/// 0.314 -> "31.4 %"
[[nodiscard]] std::string percent(double share);
/// 230909.2 -> "230,909"
[[nodiscard]] std::string grouped(double value);
[[nodiscard]] std::string grouped(std::int64_t value);

} // namespace moesaic::cli
