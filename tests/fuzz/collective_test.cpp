#include "fuzz_target.hpp"
#include "timing/profile.hpp"

#include <cmath>

void moesaic::fuzz::take(std::string_view input) {
    InputFile const file{input, ".txt"};
    (void)timing::read_collective_test(file.path(), [](timing::CollectiveRow const& row) {
        expects(row.bytes > 0 && row.ranks >= 0 && row.nodes >= 0, "a row's shape is one");
        expects(std::isfinite(row.time.value()) && row.time.value() > 0.0, "a row's time is one");
    });
}
