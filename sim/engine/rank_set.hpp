#pragma once
#include "hardware/topology.hpp"
#include "parallel/program.hpp"

#include <vector>

namespace moesaic::engine {

[[nodiscard]] ChipIndex member(parallel::RankSet const& set, std::int64_t i);
[[nodiscard]] bool holds(parallel::RankSet const& set, ChipIndex rank);
/// Place of a member in its set.
[[nodiscard]] std::size_t place_in(parallel::RankSet const& set, ChipIndex rank);

/// The group that holds the rank: the class's groups are translations of the given one, whose ranks differ in
/// one coordinate of the layout. A group of negative stride comes back in ascending order.
[[nodiscard]] parallel::RankSet group_of(ChipIndex rank, parallel::RankSet const& group,
                                         parallel::RankSet const& members);
/// The same on the topology: of two classes of unlike size not every rank has a partner of its own, and those whose
/// partner would lie beyond the last chip share the given one.
[[nodiscard]] parallel::RankSet group_of(ChipIndex rank, parallel::RankSet const& group,
                                         parallel::RankSet const& members,
                                         hardware::Topology const& topology);

/// The group's ranks node by node; chips of a node are neighbours in number.
[[nodiscard]] std::vector<std::vector<ChipIndex>> by_node(parallel::RankSet const& group,
                                                          hardware::Topology const& topology);

} // namespace moesaic::engine
