#pragma once
#include "engine/rank_set.hpp"

#include <array>
#include <vector>

namespace moesaic::engine {

using hardware::tiers;
/// Shares (or numbers) by how far apart ranks are; the index is hardware::Tier.
using PerTier = std::array<double, tiers>;

/// Where the ranks of one group lie: node by node, leaf by leaf, and the ring over its nodes.
class GroupLayout {
  public:
    GroupLayout(parallel::RankSet const& group, hardware::Topology const& topology);

    struct Place {
        std::size_t node = 0;
        std::size_t place = 0; ///< in the node
    };

    [[nodiscard]] parallel::RankSet const& group() const { return group_; }
    [[nodiscard]] std::vector<std::vector<ChipIndex>> const& nodes() const { return nodes_; }
    [[nodiscard]] Place place_of(ChipIndex rank) const { return places_[place_in(group_, rank)]; }
    [[nodiscard]] std::vector<ChipIndex> const& node_of(ChipIndex rank) const {
        return nodes_[place_of(rank).node];
    }

    /// A leaf with peers beyond the rank's node.
    struct FarLeaf {
        ChipIndex example; ///< one of the peers
        std::int64_t peers = 0;
        std::size_t number = 0; ///< of the leaf in the group
    };
    /// The own leaf included.
    [[nodiscard]] std::vector<FarLeaf> far_leaves(ChipIndex rank) const;
    [[nodiscard]] std::size_t leaves() const { return leaves_.size(); }
    [[nodiscard]] std::size_t leaf_number(ChipIndex rank) const { return leaf_of_[place_in(group_, rank)]; }

    /// A ring over the nodes runs in as many channels at once as the least of them has ranks of the group; each
    /// enters and leaves a node at a rank of its own.
    [[nodiscard]] std::size_t channels() const { return channels_; }
    /// The rank that takes over in a node: the one of the same place, or of its channel.
    [[nodiscard]] ChipIndex partner(std::size_t node, std::size_t place) const {
        return nodes_[node % nodes_.size()][place % channels_];
    }
    /// How far the ring's longest hop goes.
    [[nodiscard]] hardware::Tier farthest_hop() const { return farthest_hop_; }
    /// Hops of the ring that go at least as far.
    [[nodiscard]] std::int64_t hops(hardware::Tier tier) const { return hops_[static_cast<int>(tier)]; }

  private:
    struct Leaf {
        std::int64_t ranks = 0;
        std::vector<ChipIndex> examples; ///< of up to two nodes
    };
    void add_to_leaf(ChipIndex rank, std::size_t number);

    parallel::RankSet group_;
    std::vector<std::vector<ChipIndex>> nodes_;
    std::vector<Place> places_; ///< per rank of the group
    std::vector<Leaf> leaves_;
    std::vector<std::size_t> leaf_of_; ///< per rank of the group, into leaves_
    std::size_t channels_ = 0;
    hardware::Tier farthest_hop_ = hardware::Tier::node;
    std::array<std::int64_t, tiers> hops_{};
};

} // namespace moesaic::engine
