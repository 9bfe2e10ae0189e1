#pragma once
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>

namespace moesaic::hardware {

/// @throws InputError where the word is missing or not one of the known ones
[[nodiscard]] Confidence read_confidence(io::TomlTable const& fact);
/// @throws InputError where it is missing or empty: a figure without a source is refused
[[nodiscard]] std::string read_source(io::TomlTable const& fact);
/// A finite number, not negative.
[[nodiscard]] double read_amount(io::TomlTable const& fact, std::string_view key);

/// A whole number from 1 to `most`.
[[nodiscard]] int read_count(io::TomlTable const& table, std::string_view key, int most);

namespace detail {

/// Texts, whole numbers (1 or more), plain numbers and amounts with a unit; none of them negative.
template <class T>
T read_fact_value(io::TomlTable const& fact) {
    if constexpr (std::is_same_v<T, std::string>) {
        return fact.text("value");
    } else if constexpr (std::is_same_v<T, bool>) {
        return fact.boolean("value");
    } else if constexpr (std::is_same_v<T, int>) {
        return read_count(fact, "value", 1'000'000);
    } else if constexpr (std::is_same_v<T, double>) {
        return read_amount(fact, "value");
    } else {
        auto const value = fact.quantity<T>("value");
        if constexpr (requires { value.value(); }) {
            if (value.value() < 0) {
                throw InputError{fact.origin("value"), "must not be negative"};
            }
        }
        return value;
    }
}

template <class T>
Fact<T> read_one(io::TomlTable const& table) {
    return {.value = read_fact_value<T>(table),
            .source = read_source(table),
            .confidence = read_confidence(table),
            .note = table.text_or("note", "")};
}

} // namespace detail

/// key = { value = "50 GB/s", source = "…", confidence = "published", note = "…", alternatives = [ { … } ] }
/// note and alternatives may be left out.
template <class T>
[[nodiscard]] Fact<T> read_fact(io::TomlTable const& parent, std::string_view key) {
    auto const table = parent.table(key);
    auto fact = detail::read_one<T>(table);
    for (auto const& other : table.tables("alternatives")) {
        fact.alternatives.push_back(detail::read_one<T>(other));
        other.reject_unknown_keys();
    }
    table.reject_unknown_keys();
    return fact;
}

template <class T>
[[nodiscard]] std::optional<Fact<T>> read_optional_fact(io::TomlTable const& parent, std::string_view key) {
    return parent.has(key) ? std::optional{read_fact<T>(parent, key)} : std::nullopt;
}

} // namespace moesaic::hardware
