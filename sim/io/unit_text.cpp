#include "io/unit_text.hpp"

#include "io/parse_number.hpp"

#include <cmath>
#include <fmt/format.h>
#include <span>

namespace moesaic::io {

namespace {

struct Unit {
    std::string_view name;
    double factor;
};

constexpr Unit seconds_units[] = {{"s", 1},     {"ms", 1e-3}, {"us", 1e-6}, {"µs", 1e-6},
                                  {"ns", 1e-9}, {"min", 60},  {"h", 3600},  {"d", 86400}};
constexpr Unit bytes_units[] = {
    {"B", 1},     {"kB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12},
    {"PB", 1e15}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
constexpr Unit rate_units[] = {{"B/s", 1},
                               {"kB/s", 1e3},
                               {"MB/s", 1e6},
                               {"GB/s", 1e9},
                               {"TB/s", 1e12},
                               {"GiB/s", 1073741824.0},
                               {"TiB/s", 1099511627776.0},
                               {"Mbit/s", 1.25e5},
                               {"Gbit/s", 1.25e8},
                               {"Tbit/s", 1.25e11}};
constexpr Unit flop_units[] = {{"FLOP", 1},     {"GFLOP", 1e9},  {"TFLOP", 1e12},
                               {"PFLOP", 1e15}, {"EFLOP", 1e18}, {"ZFLOP", 1e21}};
constexpr Unit flop_rate_units[] = {
    {"FLOP/s", 1}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}, {"EFLOP/s", 1e18}};
constexpr Unit watt_units[] = {{"W", 1}, {"kW", 1e3}, {"MW", 1e6}};
constexpr Unit joule_units[] = {{"J", 1}, {"kWh", 3.6e6}, {"MWh", 3.6e9}, {"GWh", 3.6e12}};
constexpr Unit token_units[] = {
    {"tokens", 1}, {"Ktokens", 1e3}, {"Mtokens", 1e6}, {"Btokens", 1e9}, {"Ttokens", 1e12}};

/// No amount of anything, in whatever unit: such numbers overflow what is computed from them.
bool is_beyond_sense(double number) { return std::abs(number) > 1e30 || std::abs(number) < 1e-20; }

struct NumberAndUnit {
    double number;
    std::string_view unit;
};

std::optional<NumberAndUnit> split(std::string_view text) {
    auto const trim = [](std::string_view t) {
        auto const first = t.find_first_not_of(' ');
        return first == std::string_view::npos ? std::string_view{}
                                               : t.substr(first, t.find_last_not_of(' ') - first + 1);
    };
    text = trim(text);
    auto const number = parse_leading_number<double>(text);
    if (!number || !std::isfinite(number->value) || (number->value != 0 && is_beyond_sense(number->value))) {
        return std::nullopt;
    }
    return NumberAndUnit{number->value, trim(number->rest)};
}

template <class Q>
std::optional<Q> parse_with(std::string_view text, std::span<Unit const> units) {
    if (auto const parts = split(text)) {
        for (auto const& unit : units) {
            if (unit.name == parts->unit) {
                return Q{parts->number * unit.factor};
            }
        }
    }
    return std::nullopt;
}

std::string help_with(std::string_view what, std::string_view example, std::span<Unit const> units) {
    std::string names;
    for (auto const& unit : units) {
        names += (names.empty() ? "" : ", ") + std::string{unit.name};
    }
    return fmt::format("Write {} such as \"{}\" (units: {})", what, example, names);
}

/// More than all the money there is, in any currency, is a typing error.
constexpr double most_money = 1e18;

bool is_currency(std::string_view code) {
    if (code.size() != 3) {
        return false;
    }
    for (char const c : code) {
        if (c < 'A' || c > 'Z') {
            return false;
        }
    }
    return true;
}

/// The largest unit of the listed ones that leaves a number of at least 1.
std::string scaled(double value, std::span<Unit const> units) {
    Unit best = units.front();
    for (auto const& unit : units) {
        if (std::abs(value) >= unit.factor && (unit.factor > best.factor || std::abs(value) < best.factor)) {
            best = unit;
        }
    }
    return fmt::format("{:.4g} {}", value / best.factor, best.name);
}

} // namespace

template <>
std::optional<Seconds> parse_quantity(std::string_view t) {
    return parse_with<Seconds>(t, seconds_units);
}
template <>
std::optional<Bytes> parse_quantity(std::string_view t) {
    return parse_with<Bytes>(t, bytes_units);
}
template <>
std::optional<BytesPerSecond> parse_quantity(std::string_view t) {
    return parse_with<BytesPerSecond>(t, rate_units);
}
template <>
std::optional<Flop> parse_quantity(std::string_view t) {
    return parse_with<Flop>(t, flop_units);
}
template <>
std::optional<FlopPerSecond> parse_quantity(std::string_view t) {
    return parse_with<FlopPerSecond>(t, flop_rate_units);
}
template <>
std::optional<Watts> parse_quantity(std::string_view t) {
    return parse_with<Watts>(t, watt_units);
}
template <>
std::optional<Joules> parse_quantity(std::string_view t) {
    return parse_with<Joules>(t, joule_units);
}
template <>
std::optional<Tokens> parse_quantity(std::string_view t) {
    return parse_with<Tokens>(t, token_units);
}

template <>
std::optional<Money> parse_quantity(std::string_view text) {
    static constexpr Unit prefixes[] = {{"", 1}, {"k ", 1e3}, {"M ", 1e6}, {"G ", 1e9}}; // as text_of writes
    auto const parts = split(text);
    for (auto const& prefix : prefixes) {
        if (parts && std::abs(parts->number * prefix.factor) <= most_money &&
            parts->unit.starts_with(prefix.name) && is_currency(parts->unit.substr(prefix.name.size()))) {
            return Money{parts->number * prefix.factor, std::string{parts->unit.substr(prefix.name.size())}};
        }
    }
    return std::nullopt;
}

namespace {

/// "27.5 CNY/h" with per = "/h".
template <class Rate>
std::optional<Rate> parse_money_per(std::string_view text, std::string_view per) {
    auto const parts = split(text);
    if (!parts || std::abs(parts->number) > most_money || parts->unit.size() != 3 + per.size() ||
        !parts->unit.ends_with(per) || !is_currency(parts->unit.substr(0, 3))) {
        return std::nullopt;
    }
    return Rate{parts->number, std::string{parts->unit.substr(0, 3)}};
}

} // namespace

template <>
std::optional<MoneyPerHour> parse_quantity(std::string_view text) {
    return parse_money_per<MoneyPerHour>(text, "/h");
}

template <>
std::optional<MoneyPerKwh> parse_quantity(std::string_view text) {
    return parse_money_per<MoneyPerKwh>(text, "/kWh");
}

template <>
std::string quantity_help<Seconds>() {
    return help_with("a time", "2.5 us", seconds_units);
}
template <>
std::string quantity_help<Bytes>() {
    return help_with("a size", "80 GiB", bytes_units);
}
template <>
std::string quantity_help<BytesPerSecond>() {
    return help_with("a bandwidth", "50 GB/s", rate_units);
}
template <>
std::string quantity_help<Flop>() {
    return help_with("an amount of work", "3.1 EFLOP", flop_units);
}
template <>
std::string quantity_help<FlopPerSecond>() {
    return help_with("a compute rate", "989 TFLOP/s", flop_rate_units);
}
template <>
std::string quantity_help<Watts>() {
    return help_with("a power", "700 W", watt_units);
}
template <>
std::string quantity_help<Joules>() {
    return help_with("an energy", "3.2 MWh", joule_units);
}
template <>
std::string quantity_help<Tokens>() {
    return help_with("a number of tokens", "1 Ttokens", token_units);
}
template <>
std::string quantity_help<Money>() {
    return "Write an amount such as \"1.4 M CNY\" or \"1.4e6 CNY\" (at most 1e18, currencies by their ISO "
           "4217 code)";
}
template <>
std::string quantity_help<MoneyPerHour>() {
    return "Write a rent such as \"27.5 CNY/h\" (currencies by their ISO 4217 code)";
}
template <>
std::string quantity_help<MoneyPerKwh>() {
    return "Write a price such as \"0.4 CNY/kWh\" (currencies by their ISO 4217 code)";
}

std::string text_of(Seconds v) {
    static constexpr Unit shown[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
    return scaled(v.value(), shown);
}
std::string text_of(Bytes v) {
    static constexpr Unit shown[] = {
        {"B", 1}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
    return scaled(v.value(), shown);
}
std::string text_of(BytesPerSecond v) {
    static constexpr Unit shown[] = {{"B/s", 1}, {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}};
    return scaled(v.value(), shown);
}
std::string text_of(Flop v) { return scaled(v.value(), flop_units); }
std::string text_of(FlopPerSecond v) { return scaled(v.value(), flop_rate_units); }
std::string text_of(Watts v) { return scaled(v.value(), watt_units); }
std::string text_of(Joules v) { return scaled(v.value(), joule_units); }
std::string text_of(Tokens v) { return scaled(v.value(), token_units); }
std::string text_of(Money const& v) {
    static constexpr Unit shown[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
    auto number = scaled(v.amount, shown);
    return fmt::format("{}{}{}", number, number.ends_with(' ') ? "" : " ", v.currency);
}
std::string text_of(MoneyPerHour const& v) { return fmt::format("{:.4g} {}/h", v.amount, v.currency); }

} // namespace moesaic::io
