#include "base/date.hpp"

#include <charconv>
#include <fmt/format.h>

namespace moesaic {

namespace chrono = std::chrono;

namespace {

std::optional<int> digits(std::string_view text, std::size_t count) {
    if (text.size() != count || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

DateSpan months(chrono::year year, unsigned first, unsigned last) {
    return {chrono::sys_days{year / chrono::month{first} / 1},
            chrono::sys_days{year / chrono::month{last} / chrono::last}};
}

} // namespace

std::optional<Date> parse_date(std::string_view text) {
    auto const span = text.size() == 10 ? parse_date_span(text) : std::nullopt;
    return span ? std::optional{span->first} : std::nullopt;
}

std::optional<DateSpan> parse_date_span(std::string_view text) {
    auto const year = digits(text.substr(0, 4), 4);
    if (!year || (text.size() > 4 && text[4] != '-')) {
        return std::nullopt;
    }
    chrono::year const y{*year};
    if (text.size() == 4) {
        return months(y, 1, 12);
    }
    auto const rest = text.substr(5);
    if (rest.size() == 2 && rest[0] == 'Q' && rest[1] >= '1' && rest[1] <= '4') {
        auto const last = static_cast<unsigned>(rest[1] - '0') * 3;
        return months(y, last - 2, last);
    }
    auto const month = digits(rest.substr(0, 2), 2);
    if (!month || *month < 1 || *month > 12) {
        return std::nullopt;
    }
    if (rest.size() == 2) {
        return months(y, static_cast<unsigned>(*month), static_cast<unsigned>(*month));
    }
    auto const day = rest.size() == 5 && rest[2] == '-' ? digits(rest.substr(3), 2) : std::nullopt;
    if (!day) {
        return std::nullopt;
    }
    auto const date =
        y / chrono::month{static_cast<unsigned>(*month)} / chrono::day{static_cast<unsigned>(*day)};
    return date.ok() ? std::optional{DateSpan{chrono::sys_days{date}, chrono::sys_days{date}}} : std::nullopt;
}

std::string iso_text(Date date) {
    chrono::year_month_day const d{date};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()), static_cast<unsigned>(d.month()),
                       static_cast<unsigned>(d.day()));
}

std::string iso_text(DateSpan const& span) {
    auto const day = iso_text(span.first);
    for (auto const& shorter :
         {day.substr(0, 4), fmt::format("{}-Q{}", day.substr(0, 4), (std::stoi(day.substr(5, 2)) + 2) / 3),
          day.substr(0, 7)}) {
        if (parse_date_span(shorter) == span) {
            return shorter;
        }
    }
    return span.first == span.last ? day : fmt::format("{} to {}", day, iso_text(span.last));
}

} // namespace moesaic
