#include "cli/number_text.hpp"

#include <fmt/format.h>

namespace moesaic::cli {

std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }

namespace {

std::string in_thousands(std::string digits) {
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (digits.front() == '-' ? 1 : 0);
         at -= 3) {
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return digits;
}

} // namespace

std::string grouped(double value) { return in_thousands(fmt::format("{:.0f}", value)); }
std::string grouped(std::int64_t value) { return in_thousands(fmt::format("{}", value)); }

} // namespace moesaic::cli
