#pragma once
#include "base/errors.hpp"
#include "io/toml.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Numbers between two ends, with the unit they are written in ("GB/s"; empty = a pure number).
struct Range {
    double from = 0.0;
    double to = 0.0;
    bool logarithmic = false;
    bool whole = false; ///< both ends are written as whole numbers, so every value is one
    std::string unit;
};

/// Holds where the path has one of these values; both as TOML writes them.
struct Condition {
    std::string path;
    std::vector<std::string> allowed;
};

/// Something that differs between the points of a sweep: one field of the scenario, or several that go together.
struct Axis {
    std::string name; ///< also of its random stream
    Origin origin;    ///< in the sweep file
    std::vector<std::string> paths;
    std::vector<std::string> columns; ///< of the result table, one for each path
    /// The values in turn, each a TOML text for every path; empty where values are drawn from `range`.
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> labels; ///< a short name of each row; empty = none
    std::optional<Range> range;
    std::vector<Condition> when; ///< all must hold, else the axis leaves the scenario as it is
    bool crossed = false;        ///< in a drawn design: every draw is combined with every row
};

/// @param drawn the design draws values, so that a range needs no steps
/// @throws InputError with the place in the sweep file
[[nodiscard]] Axis read_axis(io::TomlTable const& table, bool drawn);

/// The values, one TOML text for each path, at a place from 0 up to, not including, 1.
[[nodiscard]] std::vector<std::string> values_at(Axis const& axis, double place);

/// "8.5" of a range without unit, "\"8.5 GB/s\"" of one with. Twelve significant digits.
[[nodiscard]] std::string value_text(Range const& range, double value);

} // namespace moesaic::sweep
