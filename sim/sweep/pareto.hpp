#pragma once
#include <cstddef>
#include <vector>

namespace moesaic::sweep {

/// The candidates that no other beats: none is as low in everything and lower in something. Equal ones stand together;
/// candidates with a NaN are none.
/// @param candidates for each of them what is to be low, all of one length
/// @return their numbers, by the first figure, then the next, ties by number
[[nodiscard]] std::vector<std::size_t> find_pareto_front(std::vector<std::vector<double>> const& candidates);

} // namespace moesaic::sweep
