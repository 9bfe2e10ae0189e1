#pragma once
#include "base/units.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace moesaic::parallel {

/// How long a rank of a place has been busy with so many experts of a layer; none where it has no room for them.
using BusyWith = std::function<std::optional<Seconds>(std::size_t place, int experts)>;

/// Experts of each rank of a group, by place, that give every expert of a layer a rank and keep the busiest rank least busy;
/// of several such numbers those with the least sum of squares of the ranks' times, then the fewest of the first place, of the
/// second, …. The first place, of attention, may have none,
/// the others have one at least. none where no numbers come out
/// @param ranks of the group, by place
[[nodiscard]] std::optional<std::vector<int>> share_experts(std::vector<int> const& ranks, int experts,
                                                            BusyWith const& busy);

} // namespace moesaic::parallel
