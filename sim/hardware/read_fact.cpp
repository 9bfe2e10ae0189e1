#include "hardware/read_fact.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::hardware {

Confidence read_confidence(io::TomlTable const& fact) {
    auto const word = fact.text("confidence");
    if (auto const found = find_confidence(word)) {
        return *found;
    }
    throw InputError{fact.origin("confidence"), fmt::format("\"{}\" is no known confidence", word),
                     fmt::format("Write one of {}", fmt::join(confidence_names(), ", "))};
}

std::string read_source(io::TomlTable const& fact) {
    auto source = fact.text("source");
    if (source.find_first_not_of(' ') == std::string::npos) {
        throw InputError{fact.origin("source"), "is empty",
                         "Every figure needs a source; an estimate says what it rests on"};
    }
    return source;
}

int read_count(io::TomlTable const& table, std::string_view key, int most) {
    auto const value = table.integer_from(key, 1);
    if (value > most) {
        throw InputError{table.origin(key),
                         fmt::format("{} is not allowed (must be {} or less)", value, most)};
    }
    return static_cast<int>(value);
}

double read_amount(io::TomlTable const& fact, std::string_view key) {
    auto const value = fact.number(key);
    if (!std::isfinite(value) || value < 0) {
        throw InputError{fact.origin(key),
                         fmt::format("{} is not allowed (must be a number of 0 or more)", value)};
    }
    return value;
}

} // namespace moesaic::hardware
