#include "export_control/value.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "export_control/country_codes.hpp"
#include "io/parse_number.hpp"
#include "io/unit_text.hpp"

#include <cmath>
#include <fmt/format.h>

namespace moesaic::export_control {

namespace {

template <class Q>
std::optional<Value> quantity(std::string_view text) {
    auto const found = io::parse_quantity<Q>(text);
    return found && found->value() >= 0 ? std::optional<Value>{*found} : std::nullopt;
}

/// A number that is followed by exactly this unit ("" for none).
std::optional<double> number_with(std::string_view text, std::string_view unit) {
    auto number = io::parse_leading_number<double>(text);
    if (!number || !std::isfinite(number->value) || number->value < 0) {
        return std::nullopt;
    }
    auto& rest = number->rest;
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest == unit ? std::optional{number->value} : std::nullopt;
}

} // namespace

std::optional<Value> parse_value(ValueType type, std::string_view text) {
    switch (type) {
    case ValueType::flag:
        return text == "true" || text == "false" ? std::optional<Value>{text == "true"} : std::nullopt;
    case ValueType::number:
        if (auto const found = number_with(text, "")) {
            return *found;
        }
        return std::nullopt;
    case ValueType::size:
        return quantity<Bytes>(text);
    case ValueType::bandwidth:
        return quantity<BytesPerSecond>(text);
    case ValueType::power:
        return quantity<Watts>(text);
    case ValueType::area:
        if (auto const found = number_with(text, "mm2")) {
            return SquareMillimetres{*found};
        }
        return std::nullopt;
    case ValueType::bandwidth_density:
        if (auto const found = number_with(text, "GB/s/mm2")) {
            return BandwidthDensity{*found};
        }
        return std::nullopt;
    case ValueType::date:
        if (auto const found = parse_date_span(text)) {
            return *found;
        }
        return std::nullopt;
    case ValueType::word:
        return text.empty() ? std::nullopt : std::optional<Value>{std::string{text}};
    case ValueType::country:
        return is_country_code(text) ? std::optional<Value>{std::string{text}} : std::nullopt;
    }
    return std::nullopt;
}

std::string value_help(ValueType type) {
    switch (type) {
    case ValueType::flag:
        return "Write true or false";
    case ValueType::number:
        return "Write a number without a unit, such as 4800";
    case ValueType::size:
        return io::quantity_help<Bytes>();
    case ValueType::bandwidth:
        return io::quantity_help<BytesPerSecond>();
    case ValueType::power:
        return io::quantity_help<Watts>();
    case ValueType::area:
        return "Write an area such as 814 mm2";
    case ValueType::bandwidth_density:
        return "Write a bandwidth density such as 2 GB/s/mm2";
    case ValueType::date:
        return "Write a date such as 2025-04-15";
    case ValueType::word:
        return "Write a name such as nvidia_h20";
    case ValueType::country:
        return "Write a country as its code of two capitals in ISO 3166 (CN, GB)";
    }
    return {};
}

std::string_view name_of(ValueType type) {
    switch (type) {
    case ValueType::flag:
        return "true or false";
    case ValueType::number:
        return "a plain number";
    case ValueType::size:
        return "a size";
    case ValueType::bandwidth:
        return "a bandwidth";
    case ValueType::power:
        return "a power";
    case ValueType::area:
        return "an area";
    case ValueType::bandwidth_density:
        return "a bandwidth per area";
    case ValueType::date:
        return "a date";
    case ValueType::word:
        return "a name";
    case ValueType::country:
        return "a country";
    }
    return {};
}

std::string text_of(Value const& value) {
    return std::visit(overloaded{[](bool v) -> std::string { return v ? "true" : "false"; },
                                 [](double v) { return fmt::format("{:.6g}", v); },
                                 [](SquareMillimetres v) { return fmt::format("{:.4g} mm2", v.value()); },
                                 [](BandwidthDensity v) { return fmt::format("{:.4g} GB/s/mm2", v.value()); },
                                 [](DateSpan const& v) { return iso_text(v); },
                                 [](std::string const& v) { return v; },
                                 [](auto v) { return io::text_of(v); }},
                      value);
}

namespace {

/// What a value's number is divided by for JSON.
constexpr double giga = 1e9;

} // namespace

std::optional<double> magnitude(Value const& value) {
    return std::visit(overloaded{[](bool) -> std::optional<double> { return std::nullopt; },
                                 [](DateSpan const&) -> std::optional<double> { return std::nullopt; },
                                 [](std::string const&) -> std::optional<double> { return std::nullopt; },
                                 [](double v) -> std::optional<double> { return v; },
                                 [](Bytes v) -> std::optional<double> { return v.value() / giga; },
                                 [](BytesPerSecond v) -> std::optional<double> { return v.value() / giga; },
                                 [](auto v) -> std::optional<double> { return v.value(); }},
                      value);
}

Value with_magnitude(Value const& value, double number) {
    expects(magnitude(value).has_value(), "the value has a number");
    return std::visit(overloaded{[&](bool) -> Value { return number; },
                                 [&](DateSpan const&) -> Value { return number; },
                                 [&](std::string const&) -> Value { return number; },
                                 [&](double) -> Value { return number; },
                                 [&](Bytes) -> Value { return Bytes{number * giga}; },
                                 [&](BytesPerSecond) -> Value { return BytesPerSecond{number * giga}; },
                                 [&](auto v) -> Value { return decltype(v){number}; }},
                      value);
}

std::string_view json_unit(ValueType type) {
    switch (type) {
    case ValueType::size:
        return "_gb";
    case ValueType::bandwidth:
        return "_gb_per_s";
    case ValueType::power:
        return "_w";
    case ValueType::area:
        return "_mm2";
    case ValueType::bandwidth_density:
        return "_gb_per_s_per_mm2";
    default:
        return "";
    }
}

std::string_view symbol_of(Relation relation) {
    switch (relation) {
    case Relation::less:
        return "<";
    case Relation::at_most:
        return "<=";
    case Relation::equal:
        return "==";
    case Relation::not_equal:
        return "!=";
    case Relation::at_least:
        return ">=";
    case Relation::greater:
        return ">";
    }
    return {};
}

Relation negated(Relation relation) {
    switch (relation) {
    case Relation::less:
        return Relation::at_least;
    case Relation::at_most:
        return Relation::greater;
    case Relation::equal:
        return Relation::not_equal;
    case Relation::not_equal:
        return Relation::equal;
    case Relation::at_least:
        return Relation::less;
    case Relation::greater:
        return Relation::at_most;
    }
    return relation;
}

namespace {

template <class T>
bool ordered(T const& left, Relation relation, T const& right) {
    switch (relation) {
    case Relation::less:
        return left < right;
    case Relation::at_most:
        return left <= right;
    case Relation::equal:
        return left == right;
    case Relation::not_equal:
        return left != right;
    case Relation::at_least:
        return left >= right;
    case Relation::greater:
        return left > right;
    }
    return false;
}

/// A limit written as a month or year means its first day for < and >=, its last for <= and >.
Truth compare_dates(DateSpan const& left, Relation relation, DateSpan const& right) {
    auto const known_day = left.first == left.last;
    switch (relation) {
    case Relation::equal:
    case Relation::not_equal: {
        auto const apart = left.last < right.first || left.first > right.last;
        auto const within = left.first >= right.first && left.last <= right.last;
        auto const equal = apart ? Truth::no : within ? Truth::yes : Truth::unknown;
        return relation == Relation::equal ? equal : !equal;
    }
    default: {
        auto const limit =
            relation == Relation::less || relation == Relation::at_least ? right.first : right.last;
        auto const early = truth_of(ordered(left.first, relation, limit));
        auto const late = truth_of(ordered(left.last, relation, limit));
        return known_day || early == late ? early : Truth::unknown;
    }
    }
}

} // namespace

Truth compare(Value const& left, Relation relation, Value const& right) {
    expects(left.index() == right.index(), "figure and limit are of one type");
    auto const equality = relation == Relation::equal || relation == Relation::not_equal;
    expects(equality || magnitude(left).has_value() || std::holds_alternative<DateSpan>(left),
            "the values have an order");
    if (auto const* date = std::get_if<DateSpan>(&left)) {
        return compare_dates(*date, relation, std::get<DateSpan>(right));
    }
    return std::visit(
        [&](auto const& v) -> Truth {
            using T = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<T, DateSpan>) {
                return Truth::unknown; // handled above
            } else {
                return truth_of(ordered(v, relation, std::get<T>(right)));
            }
        },
        left);
}

} // namespace moesaic::export_control
