#pragma once
#include "engine/traffic.hpp"

#include <map>
#include <span>
#include <utility>
#include <vector>

namespace moesaic::engine {

/// Peers in one tier that are reached over the same shared links: the rank's own way out and in.
struct Bundle {
    hardware::Tier tier = hardware::Tier::node;
    std::int64_t peers = 0;
    ChipIndex one_peer;
    std::map<LinkId, std::int64_t> pair_peers; ///< how many peers a pair link leads to
    std::map<LinkId, double> hops;             ///< of a torus, to all peers: Topology::own_hops()
    double most_hops = 0.0;                    ///< to one_peer
};
using Bundles = std::map<std::pair<hardware::Tier, std::vector<LinkId>>, Bundle>;

/// Every peer of the group.
[[nodiscard]] Bundles direct_bundles(GroupLayout const& layout, ChipIndex rank,
                                     hardware::Topology const& topology);

/// These peers, over the rank's own ways out alone.
[[nodiscard]] Bundles outward_bundles(ChipIndex rank, std::span<ChipIndex const> peers,
                                      hardware::Topology const& topology);

/// The peers in the own node, and in each other node the rank of the same place.
[[nodiscard]] Bundles by_place_bundles(GroupLayout const& layout, ChipIndex rank,
                                       hardware::Topology const& topology);

/// The peers in the own node, and those that the node sends to in either tree, as often as it does.
[[nodiscard]] Bundles tree_bundles(GroupLayout const& layout, ChipIndex rank, Tree const& tree,
                                   hardware::Topology const& topology);

/// Inside the node a ring may go to any of the group (all pair links of a mesh carry channels). Across nodes a
/// lone rank goes to the next one and hears from the one before; else the rank stands for the farthest hop.
[[nodiscard]] Bundles ring_bundles(GroupLayout const& layout, ChipIndex rank, bool lone,
                                   hardware::Topology const& topology);

} // namespace moesaic::engine
