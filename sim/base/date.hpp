#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace moesaic {

/// A day of the calendar, compared and counted like a number.
using Date = std::chrono::sys_days;

/// "2025-04-15"; none for anything else, and for days that the calendar does not have.
[[nodiscard]] std::optional<Date> parse_date(std::string_view text);
[[nodiscard]] std::string iso_text(Date date);

/// A date known only to the year, quarter or month: some day from first to last, both included.
struct DateSpan {
    Date first;
    Date last;
    friend bool operator==(DateSpan const&, DateSpan const&) = default;
};

/// "2025-04-15", "2025-08", "2026-Q1" or "2023".
[[nodiscard]] std::optional<DateSpan> parse_date_span(std::string_view text);
/// The shortest of these forms.
[[nodiscard]] std::string iso_text(DateSpan const& span);

} // namespace moesaic
