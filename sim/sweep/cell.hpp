#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moesaic::sweep {

/// A cell of the result table; empty where something does not apply.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

/// What all cells of a column are.
enum class CellKind { whole, number, text };

struct Column {
    std::string name;
    CellKind kind = CellKind::text;
    std::string unit; ///< "1" for a pure number, "text" for words
    std::string description;
    /// Name of a text column that says the unit of each row; where they agree it takes the place of `unit`.
    std::string unit_column;
};

/// On one line without tab and line end: n (empty), i5, d0.25, tsome text. Numbers read back exactly.
[[nodiscard]] std::string text_of(Cell const& cell);
/// @throws InputError for anything that text_of() does not write
[[nodiscard]] Cell cell_of(std::string_view text);

/// A value of an axis as TOML writes it, as a cell: 8, 0.5, "50 GB/s" (a number with a unit), words.
struct AxisCell {
    Cell cell;
    std::string unit; ///< empty for words
};
[[nodiscard]] AxisCell read_axis_cell(std::string const& toml);

/// The kind and unit in which all these values can stand in one column.
/// @param optional some rows of the column stay empty
[[nodiscard]] Column column_for(std::vector<std::string> const& toml_values, bool optional);
/// The value in a column of that kind.
[[nodiscard]] Cell cell_in(Column const& column, std::string const& toml);

} // namespace moesaic::sweep
