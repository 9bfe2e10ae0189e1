#pragma once
#include "sweep/ledger.hpp"

#include <string>
#include <vector>

namespace moesaic::sweep {

/// What a result file tells beside its points.
struct ResultOrigin {
    std::string scenario_text; ///< the base scenario as read
    std::string version;       ///< of the program
    std::vector<std::string> timings;
    std::vector<Column> metrics;
};

/// What the journals of a sweep hold.
struct Gathered {
    std::int64_t ok = 0;
    std::int64_t failed = 0;
    std::int64_t missing = 0;
};

/// Writes the result file from the journals beside it: /sweep, the table /points (axes and metrics of every point that
/// succeeded) and the table /failures, both in the order of the points, so that the bytes depend on nothing else. The
/// journals stay.
/// @param ledger tells records of the sweep as it is now from those of an earlier state
/// @throws InputError where the file cannot be written
Gathered write_result(std::string const& output, Points const& points, ResultOrigin const& origin,
                      Ledger const& ledger);

/// Puts the result file on the disk for good, then removes its journals.
void remove_parts(std::string const& output);

} // namespace moesaic::sweep
