#include "sweep/cell.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "io/parse_number.hpp"
#include "io/toml.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace moesaic::sweep {

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        switch (c) {
        case '\\':
            out += "\\\\";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\n':
            out += "\\n";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            ++i;
            out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : text[i];
        } else {
            out += text[i];
        }
    }
    return out;
}

/// "50 GB/s" -> 50 and "GB/s"; none for words, and for numbers that are part of one ("8x7b").
std::optional<AxisCell> amount_of(std::string const& text) {
    auto const number = io::parse_leading_number<double>(text);
    if (!number || number->rest.size() < 2 || number->rest[0] != ' ' || !std::isfinite(number->value)) {
        return std::nullopt;
    }
    return AxisCell{number->value, std::string{number->rest.substr(1)}};
}

} // namespace

std::string text_of(Cell const& cell) {
    return std::visit(overloaded{[](std::monostate) { return std::string{"n"}; },
                                 [](std::int64_t value) { return fmt::format("i{}", value); },
                                 [](double value) { return fmt::format("d{}", value); },
                                 [](std::string const& value) { return "t" + escaped(value); }},
                      cell);
}

Cell cell_of(std::string_view text) {
    auto const rest = text.empty() ? text : text.substr(1);
    switch (text.empty() ? '\0' : text[0]) {
    case 'n':
        if (rest.empty()) {
            return {};
        }
        break;
    case 'i':
        if (auto const value = io::parse_number<std::int64_t>(rest)) {
            return *value;
        }
        break;
    case 'd':
        if (auto const value = io::parse_number<double>(rest)) {
            return *value;
        }
        break;
    case 't':
        return unescaped(rest);
    default:
        break;
    }
    throw InputError{Origin{}, fmt::format("\"{}\" is no cell", text)};
}

AxisCell read_axis_cell(std::string const& toml) {
    auto const table = io::parse_toml("value = " + toml, "axis");
    if (table.is_text("value")) {
        auto text = table.text("value");
        auto const amount = amount_of(text);
        return amount ? *amount : AxisCell{std::move(text), ""};
    }
    if (auto const whole = io::parse_number<std::int64_t>(toml)) {
        return {*whole, "1"};
    }
    if (toml == "true" || toml == "false" || table.is_array("value") || table.is_table("value")) {
        return {toml, ""};
    }
    return {table.number("value"), "1"};
}

Column column_for(std::vector<std::string> const& toml_values, bool optional) {
    std::vector<AxisCell> cells;
    std::ranges::transform(toml_values, std::back_inserter(cells), read_axis_cell);
    expects(!cells.empty(), "a column of some values");
    auto const& unit = cells.front().unit;
    bool const alike = std::ranges::all_of(cells, [&](auto const& c) { return c.unit == unit; });
    if (unit.empty() || !alike) {
        return {.name = {}, .kind = CellKind::text, .unit = "text", .description = {}, .unit_column = {}};
    }
    bool const whole = !optional && std::ranges::all_of(cells, [](auto const& c) {
        return std::holds_alternative<std::int64_t>(c.cell);
    });
    return {.name = {},
            .kind = whole ? CellKind::whole : CellKind::number,
            .unit = unit,
            .description = {},
            .unit_column = {}};
}

Cell cell_in(Column const& column, std::string const& toml) {
    auto cell = read_axis_cell(toml).cell;
    if (column.kind == CellKind::whole) {
        return cell;
    }
    if (column.kind == CellKind::number) {
        auto const* whole = std::get_if<std::int64_t>(&cell);
        return whole ? Cell{static_cast<double>(*whole)} : cell;
    }
    auto const table = io::parse_toml("value = " + toml, "axis");
    return table.is_text("value") ? table.text("value") : toml;
}

} // namespace moesaic::sweep
