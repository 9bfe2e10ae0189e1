#pragma once
#include "hardware/topology.hpp"
#include "parallel/program.hpp"

#include <array>
#include <vector>

namespace moesaic::engine {

constexpr int tiers = 5;
/// Bytes (or peers) of one rank by how far they go; the index is hardware::Tier.
using PerTier = std::array<double, tiers>;

/// A flow takes `times` x its rate of the link: as many ranks of the class load the link as heavily.
/// Not always whole: beside a rank with 2 peers across the spine may stand one with 1.
struct LinkUse {
    LinkId link;
    double times = 1.0;
};

/// What a rank sends and receives over one tier: one flow of the simulation, on the rank's own way out and
/// in.
struct ClassFlow {
    hardware::Tier tier = hardware::Tier::node;
    Bytes bytes;         ///< one way
    double weight = 1.0; ///< transfers at a time that it stands for: its share where links are contended
    std::vector<LinkUse> uses;
    /// Links straight to single peers, used side by side: they act as one link of `parallel_bandwidth`.
    std::vector<LinkId> parallel;
    BytesPerSecond parallel_bandwidth;
    Seconds far_latency; ///< what the way is longer than one over a leaf switch, times the crossings
};

/// A collective as the flows of one rank.
struct ClassFlows {
    std::vector<ClassFlow> flows; ///< none for a group of one
    ChipIndex rank;               ///< whose links they are
    std::int64_t ranks = 1;       ///< of the group
    std::int64_t nodes = 1;
    std::int64_t ranks_in_node = 1; ///< of the group, in the node of `rank`
};

/// Bytes that cross each tier for one rank of the group, one way, by the algorithm of the kind:
///   all_to_all                 bytes/n straight to each peer
///   all_reduce                 ring, 2(n-1)/n x bytes per rank and hop
///   all_gather, reduce_scatter ring, (n-1)/n x bytes
///   broadcast, send_recv       pipelined along the ranks, bytes
/// A ring runs in g channels at once (g ranks of the group in each node) and each leaves the node at another
/// rank, so that of a rank's bytes (g-1)/g stay inside the node and 1/g cross its NIC.
/// Where nodes hold unequal shares of the group, the ring has as many channels as the least of them has
/// ranks.
[[nodiscard]] PerTier bytes_per_tier(parallel::Collective const& collective, ChipIndex rank,
                                     hardware::Topology const& topology);

/// The flows of the rank that bounds the class: the one with most bytes across the farthest tier (then the
/// next nearer one …); the representative where no rank has more. A link that more ranks of the class use
/// counts as often as it carries that rank's bytes.
[[nodiscard]] ClassFlows lower(parallel::Collective const& collective, parallel::RankClass const& rank_class,
                               hardware::Topology const& topology);

/// A message between two classes, all their ranks at once: bytes of the representative sender.
[[nodiscard]] ClassFlow lower(parallel::Message const& message, parallel::Program const& program,
                              hardware::Topology const& topology);

/// The group that holds the rank: the class's groups are translations of the given one, whose ranks differ in one
/// coordinate of the layout. A group of negative stride comes back in ascending order.
[[nodiscard]] parallel::RankSet group_of(ChipIndex rank, parallel::RankSet const& group,
                                         parallel::RankSet const& members);

} // namespace moesaic::engine
