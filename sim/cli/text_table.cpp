#include "cli/text_table.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

/// A longer cell stands out of its column instead of widening it.
constexpr std::size_t widest = 48;

/// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width_of(std::string const& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

} // namespace

TextTable::TextTable(std::vector<Column> columns) : columns_{std::move(columns)} {}

void TextTable::add_row(std::vector<std::string> cells) {
    expects(cells.size() == columns_.size(), "a cell per column");
    rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
    std::vector<std::string> headings;
    std::vector<std::size_t> widths;
    for (auto const& column : columns_) {
        headings.push_back(column.heading);
        widths.push_back(width_of(column.heading));
    }
    for (auto const& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            auto const width = width_of(row[i]);
            widths[i] = width > widest ? widths[i] : std::max(widths[i], width);
        }
    }
    std::string out;
    auto const add_line = [&](std::vector<std::string> const& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            std::string const fill(widths[i] - std::min(widths[i], width_of(cells[i])), ' ');
            line += (i == 0 ? "" : "  ") +
                    (columns_[i].align == Align::right ? fill + cells[i] : cells[i] + fill);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    add_line(headings);
    std::ranges::for_each(rows_, add_line);
    return out;
}

} // namespace moesaic::cli
