#pragma once

namespace moesaic {

constexpr double seconds_per_day = 86400.0;
constexpr double hours_per_year = 365.25 * 24.0;

} // namespace moesaic
