#include "timing/timing_table.hpp"
#include "fuzz_target.hpp"

#include <cmath>

void moesaic::fuzz::take(std::string_view input) {
    (void)timing::parse_timing_table(input, "table.csv", [](timing::Measurement const& row) {
        expects(std::isfinite(row.time.value()) && row.time.value() > 0.0, "a row's time is one");
        expects(row.kernel.m > 0 && row.kernel.batch > 0, "a row's shape is one");
    });
}
