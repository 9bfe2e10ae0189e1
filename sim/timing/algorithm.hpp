#pragma once
#include "base/units.hpp"
#include "hardware/cluster.hpp"
#include "timing/collective.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace moesaic::timing {

/// How the ranks of a collective bring it about.
///   automatic     as the library chose where the curve was measured; on the links a ring (all_to_all: straight to each)
///   ring          each rank passes on to the next
///   tree          a chain inside each node, two binary trees over the nodes, each with half of the bytes: inner nodes
///                 of one are leaves of the other (Sanders, Speck, Träff 2009; NCCL)
///   direct        straight to each peer
///   hierarchical  inside the node, then across between ranks of the same place (all_to_all, all_reduce and, with the
///                 order turned, all_gather); parts of the message follow each other, so that both run at once
enum class Algorithm { automatic, ring, tree, direct, hierarchical };
[[nodiscard]] std::string_view name_of(Algorithm algorithm);

/// Those that a kind can be carried out by, automatic first; none but it for send_recv.
[[nodiscard]] std::vector<Algorithm> algorithms_of(CollectiveKind kind);

struct GroupShape {
    std::int64_t ranks = 1;
    std::int64_t nodes = 1;
};

/// Until the last rank has the first byte: what starting costs, and each step of the longest way at the latency of its
/// link (NCCL's model, src/graph/tuning.cc). @param algorithm not automatic
[[nodiscard]] Seconds startup_of(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                                 hardware::NodeType const& node);

/// The kind whose measured rate is that of the algorithm: who talks to all at once is as fast as in an all_to_all.
[[nodiscard]] CollectiveKind rate_like(Algorithm algorithm, CollectiveKind kind);

/// A curve tells of the algorithm that the library chose: a named one keeps its rate, but starts as startup_of() says.
[[nodiscard]] CollectiveCost carried_out_by(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                                            hardware::NodeType const& node,
                                            CollectiveCost const& as_measured);

} // namespace moesaic::timing
