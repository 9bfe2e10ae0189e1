#pragma once
#include "engine/double_tree.hpp"
#include "engine/group_layout.hpp"

#include <compare>
#include <map>
#include <tuple>
#include <variant>
#include <vector>

namespace moesaic::engine {

/// How the ranks of a group talk.
struct Direct { ///< straight to each peer
    friend auto operator<=>(Direct const&, Direct const&) = default;
};
struct RingLike { ///< to the next one only
    friend auto operator<=>(RingLike const&, RingLike const&) = default;
};
struct Tree { ///< along a chain inside the node, along two trees from node to node
    bool both_ways = true;
    friend auto operator<=>(Tree const&, Tree const&) = default;
};
struct RingOfPlaces { ///< round the node, and round the ranks of the own place in all nodes
    friend auto operator<=>(RingOfPlaces const&, RingOfPlaces const&) = default;
};
struct ByPlace { ///< to each peer in the node, and to the rank of the own place in each other node
    friend auto operator<=>(ByPlace const&, ByPlace const&) = default;
};
struct OncePerNode { ///< to the rank of the own place in each node, and from there to the peers inside
    model::TokenSpread spread;
    friend auto operator<=>(OncePerNode const&, OncePerNode const&) = default;
};
using Pattern = std::variant<Direct, RingLike, Tree, RingOfPlaces, ByPlace, OncePerNode>;
[[nodiscard]] Pattern pattern_of(parallel::Collective const& collective);
/// Nodes that a node sends to, one for each half of the bytes.
[[nodiscard]] std::vector<int> receivers_of(TreePlace const& place, Tree const& tree);

/// A sum scatters and gathers.
[[nodiscard]] double passes_of(timing::CollectiveKind kind);
/// What a rank sends in one collective, one way, before Traffic's shares:
///   direct              bytes (all_reduce: twice), of which 1/n to each peer (and to itself)
///   ring                (n-1)/n x bytes (all_reduce: twice); broadcast, send_recv: bytes, pipelined along the ranks
///   tree, hierarchical  bytes (all_reduce: twice)
///   once per node       one copy of each token
[[nodiscard]] Bytes sent_bytes(parallel::Collective const& collective);

/// Shares of a rank's sent_bytes() by how far they go. Of a ring with g channels (g ranks of the group in each node)
/// (g-1)/g stay inside the node and 1/g cross the rank's NIC; where nodes hold unequal shares of the group, the
/// channels are as many as the least has ranks. Hierarchical over N nodes: (g-1)/g inside, (N-1)/N across, of which
/// each of g channels has its part (all_to_all: each rank all of its own). Tree: 1/4 per channel and neighbour in
/// either tree (one way only: 1/2 per child). Once per node: of a token that goes to N of n nodes and R ranks, N/n to
/// each other node, and R (g-1)/g inside each, where the rank passes on what came for its peers.
struct Traffic {
    ChipIndex rank;
    PerTier bytes{};
    /// What bounds the rank. Not always its own: a ring is as fast as its farthest hop.
    PerTier bound{};
};

/// The traffic of every rank of a class, over all its groups.
class ClassTraffic {
  public:
    ClassTraffic(Pattern const& pattern, parallel::RankSet const& group,
                 parallel::RankClass const& rank_class, hardware::Topology const& topology);

    [[nodiscard]] Traffic const& of(ChipIndex rank) const { return traffic_[place_in(members_, rank)]; }
    /// Of the group that holds the rank.
    [[nodiscard]] GroupLayout const& layout_of(ChipIndex rank) const {
        return layouts_[layout_[place_in(members_, rank)]];
    }

  private:
    parallel::RankSet members_;
    std::vector<GroupLayout> layouts_;
    std::vector<int> layout_; ///< per member, into layouts_; -1 until it is known
    std::vector<Traffic> traffic_;
};

/// The traffic of a program's collectives: the same for all that have pattern and group. References outlive it.
class TrafficCache {
  public:
    TrafficCache(parallel::Program const& program, hardware::Topology const& topology)
        : program_{program}, topology_{topology} {}
    [[nodiscard]] ClassTraffic const& of(parallel::Collective const& collective, int rank_class);

  private:
    using Key = std::tuple<int, Pattern, std::int64_t, std::int64_t, std::int64_t>;
    parallel::Program const& program_;
    hardware::Topology const& topology_;
    std::map<Key, ClassTraffic> known_;
};

} // namespace moesaic::engine
