#pragma once
#include "engine/traffic.hpp"

#include <optional>
#include <span>
#include <vector>

namespace moesaic::engine {

/// A flow takes `times` x its rate of the link: as many ranks load the link as heavily.
/// Not always whole: beside a rank with 2 peers across the spine may stand one with 1.
struct LinkUse {
    LinkId link;
    double times = 1.0;
};

/// What a rank sends and receives over one tier: one flow of the simulation, on the rank's own way out and in.
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
    /// Of a message to a whole group, of which these flows may be a part.
    struct ToGroup {
        ChipIndex receiver;                ///< one of them
        double senders_per_receiver = 1.0; ///< a receiver takes in what so many senders send
        Bytes inside;                      ///< of the whole message of a rank: in its node
        Bytes across;                      ///< and beyond
    };
    std::optional<ToGroup> to_group;
};

/// Ranks of a class that one stands for, itself among them; ascending.
struct Alike {
    ChipIndex representative;
    std::span<ChipIndex const> ranks;
};

/// The flows of the rank that bounds those alike: the one with most bytes across the farthest tier (then the next
/// nearer one …); the representative where no rank has more. A link that more of them use counts as often as it
/// carries that rank's bytes. A rank that stands for itself alone has its own hops of a ring, others its farthest.
/// @param traffic of the whole class for this collective
[[nodiscard]] ClassFlows lower(parallel::Collective const& collective, parallel::RankClass const& rank_class,
                               ClassTraffic const& traffic, Alike const& alike,
                               hardware::Topology const& topology);

/// The same for all ranks of the class.
[[nodiscard]] ClassFlows lower(parallel::Collective const& collective, parallel::RankClass const& rank_class,
                               hardware::Topology const& topology);

/// A message from a rank (and those alike) to another (and those alike), each sending `bytes`.
struct MessageEnds {
    Alike from;
    Alike to;
    double senders_per_receiver = 1.0;
};
[[nodiscard]] ClassFlow lower(Bytes bytes, MessageEnds const& ends, hardware::Topology const& topology);

/// The same to all of `peers` (among `ends.to`), an equal part of `bytes` to each; a part for itself stays. One flow
/// per tier and way out.
[[nodiscard]] std::vector<ClassFlow> lower(Bytes bytes, MessageEnds const& ends,
                                           std::span<ChipIndex const> peers,
                                           hardware::Topology const& topology);

} // namespace moesaic::engine
