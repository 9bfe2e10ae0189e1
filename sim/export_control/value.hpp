#pragma once
#include "base/date.hpp"
#include "base/units.hpp"
#include "export_control/truth.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace moesaic::export_control {

using SquareMillimetres = Quantity<struct SquareMillimetreTag>;
/// Bandwidth of a memory stack per area of its package, in GB/s per mm2.
using BandwidthDensity = Quantity<struct BandwidthDensityTag>;

/// What an attribute is: a comparison takes only a limit of the same type.
enum class ValueType {
    flag,
    number,
    size,
    bandwidth,
    power,
    area,
    bandwidth_density,
    date,
    word,   ///< one of a set of names: a chip, a vendor, an end use
    country ///< ISO 3166 code of two capitals; its sets may name country groups
};

/// Words and countries are texts; the attribute says which.
using Value = std::variant<bool, double, Bytes, BytesPerSecond, Watts, SquareMillimetres, BandwidthDensity,
                           DateSpan, std::string>;

/// "4800", "1400 GB/s", "814 mm2", "2 GB/s/mm2", "2025-04-15", "CN": none where number or unit do not fit.
[[nodiscard]] std::optional<Value> parse_value(ValueType type, std::string_view text);
/// How a value of this type is written, for messages.
[[nodiscard]] std::string value_help(ValueType type);
[[nodiscard]] std::string_view name_of(ValueType type);
[[nodiscard]] std::string text_of(Value const& value);

/// The plain number of a value that has an order of magnitude, in the unit of json_unit(); none for flags,
/// dates and words.
[[nodiscard]] std::optional<double> magnitude(Value const& value);
/// The same value with another number. @throws BugError where it has none
[[nodiscard]] Value with_magnitude(Value const& value, double number);
/// "_gb_per_s": what a JSON key adds to the attribute's name; empty where there is no unit.
[[nodiscard]] std::string_view json_unit(ValueType type);

enum class Relation { less, at_most, equal, not_equal, at_least, greater };
/// "<=" and the like.
[[nodiscard]] std::string_view symbol_of(Relation relation);
/// The relation that holds where this one does not.
[[nodiscard]] Relation negated(Relation relation);
/// Dates known only to the month or year compare as unknown where the answer depends on the day.
/// @throws BugError where the types differ or have no such order
[[nodiscard]] Truth compare(Value const& left, Relation relation, Value const& right);

} // namespace moesaic::export_control
