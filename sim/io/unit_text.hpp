#pragma once
#include "base/money.hpp"
#include "base/units.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace moesaic::io {

/// Amounts as text with their unit: "50 GB/s", "80 GiB", "2.5 us", "989 TFLOP/s", "1e12 tokens".
/// GB is 1e9 bytes, GiB is 2^30, Gbit/s is 1e9/8 bytes per second. none where number or unit is not
/// understood, or the number lies outside 1e-20 to 1e30.
template <class Q>
[[nodiscard]] std::optional<Q> parse_quantity(std::string_view text);
template <>
std::optional<Seconds> parse_quantity(std::string_view text);
template <>
std::optional<Bytes> parse_quantity(std::string_view text);
template <>
std::optional<BytesPerSecond> parse_quantity(std::string_view text);
template <>
std::optional<Flop> parse_quantity(std::string_view text);
template <>
std::optional<FlopPerSecond> parse_quantity(std::string_view text);
template <>
std::optional<Watts> parse_quantity(std::string_view text);
template <>
std::optional<Joules> parse_quantity(std::string_view text);
template <>
std::optional<Tokens> parse_quantity(std::string_view text);
template <>
std::optional<Money> parse_quantity(std::string_view text);
template <>
std::optional<MoneyPerHour> parse_quantity(std::string_view text);
template <>
std::optional<MoneyPerKwh> parse_quantity(std::string_view text);

/// An example with the units that are known, for messages: `a time such as "2.5 us" (s, ms, us, ns, min, h,
/// d)`.
template <class Q>
[[nodiscard]] std::string quantity_help();

/// The amount with a fitting prefix and four significant digits: "3.35 TB/s", "79.1 GiB", "12.5 ms".
[[nodiscard]] std::string text_of(Seconds value);
[[nodiscard]] std::string text_of(Bytes value);
[[nodiscard]] std::string text_of(BytesPerSecond value);
[[nodiscard]] std::string text_of(Flop value);
[[nodiscard]] std::string text_of(FlopPerSecond value);
[[nodiscard]] std::string text_of(Watts value);
[[nodiscard]] std::string text_of(Joules value);
[[nodiscard]] std::string text_of(Tokens value);
[[nodiscard]] std::string text_of(Money const& value);
[[nodiscard]] std::string text_of(MoneyPerHour const& value);

} // namespace moesaic::io
