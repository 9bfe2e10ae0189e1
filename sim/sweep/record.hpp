#pragma once
#include "sweep/cell.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moesaic::sweep {

/// Why a point has no metrics.
struct Failure {
    std::string kind; ///< "input", "time", "memory", "crash" or "bug"
    std::string message;
    friend bool operator==(Failure const&, Failure const&) = default;
};

/// The metrics of a point, or why there are none.
using PointResult = std::variant<std::vector<Cell>, Failure>;

[[nodiscard]] inline bool has_failed(PointResult const& result) {
    return std::holds_alternative<Failure>(result);
}

/// A finished point.
struct Record {
    std::int64_t point = 0;
    std::string hash; ///< of everything that the result depends on but for what the basis tells
    PointResult result;
    std::string
        basis; ///< what else the result rests on, in the words of who ran the point; without tabs and line ends
};

/// On one line, with a checksum at its end; without the line end.
[[nodiscard]] std::string line_of(Record const& record);
/// none for a line that is cut off or otherwise broken
[[nodiscard]] std::optional<Record> read_record(std::string_view line);

/// The result alone, on one line.
[[nodiscard]] std::string text_of(PointResult const& result);
/// @throws InputError for anything that text_of() does not write
[[nodiscard]] PointResult result_of(std::string_view text);

} // namespace moesaic::sweep
