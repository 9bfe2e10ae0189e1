#pragma once
#include "base/errors.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::io {

/// One row of a CSV file while it is read; the views live until the next row.
struct CsvRow {
    std::span<std::string_view const> fields; ///< in the order of the header
    int line;                                 ///< from 1, the header included
};

/// Reads a comma-separated file (RFC 4180: quoted fields, "" for a quote; LF or CRLF) row by row and keeps
/// nothing, so that memory stays bounded. Empty lines and lines that start with # are passed over.
/// @param wanted the columns that each row gets, in this order, wherever they stand in the file
/// @throws InputError for a missing column, a row with more or fewer fields than the header, an unclosed quote, a zero
/// byte, or a row of more than 1 MiB
void read_csv(std::string const& path, std::vector<std::string> const& wanted,
              std::function<void(CsvRow const&)> const& each);
/// @param first_line number of the content's first line in its file
void parse_csv(std::string_view content, std::string const& name, std::vector<std::string> const& wanted,
               std::function<void(CsvRow const&)> const& each, int first_line = 1);

/// The field as it must stand in a CSV file (quoted where needed).
[[nodiscard]] std::string csv_field(std::string_view text);
/// The fields as a line of a CSV file, line end included.
[[nodiscard]] std::string csv_line(std::span<std::string const> fields);

} // namespace moesaic::io
