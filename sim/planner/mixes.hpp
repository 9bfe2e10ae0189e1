#pragma once
#include "planner/combine.hpp"
#include "planner/space.hpp"

#include <vector>

namespace moesaic::planner {

/// Combinations beyond this share over the best one of a group are not looked at one by one.
constexpr double mix_margin = 1.3;
constexpr std::int64_t most_combinations = 200'000; ///< of one group

/// Schedules that mixed plans are tried with.
[[nodiscard]] std::vector<parallel::Schedule> mix_schedules(Degrees const& degrees);
/// All sets of two pools or more, as bits.
[[nodiscard]] std::vector<std::vector<int>> pool_sets(std::size_t pools);
/// The longest step that is of interest, with what a group can do at best.
[[nodiscard]] double longest_of_interest(Collector const& to, double best);

} // namespace moesaic::planner
