#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace moesaic::planner {

/// One choice for one pool: it takes (sequences + offset) / rate seconds for its sequences of the step.
struct Share {
    double rate = 0.0;   ///< sequences per second
    double offset = 0.0; ///< sequences that the way in and out is worth
    std::size_t choice = 0;
};

/// Time of a batch that choices of several pools share as well as can be: (batch + offsets) / rates.
[[nodiscard]] double time_together(double batch, std::vector<Share> const& shares);
/// The least such time, with one of each list. Lists are not empty.
[[nodiscard]] double least_time_together(double batch, std::vector<std::vector<Share>> const& lists);

/// The sum of counts, none negative; the greatest number where it is greater than that.
[[nodiscard]] std::int64_t sum_of(std::int64_t a, std::int64_t b);
/// Combinations of one of each list, likewise.
[[nodiscard]] std::int64_t combinations_of(std::vector<std::vector<Share>> const& lists);

struct Visited {
    std::int64_t visited = 0;
    std::int64_t all = 0;    ///< combinations there are, see combinations_of
    double least_left = 0.0; ///< no combination left out takes less
};
/// Calls `visit` for the combinations of one of each list that take `most` seconds or less, at most `count` of them:
/// those with the best of the first lists first.
Visited visit_combinations(double batch, std::vector<std::vector<Share>> lists, double most,
                           std::int64_t count,
                           std::function<void(double, std::span<std::size_t const>)> const& visit);

} // namespace moesaic::planner
