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

/// What NCCL's kernels wait for before they pass bytes on: a flag in each word (LL), in each 128 bytes (LL128), or a
/// fence behind a whole chunk (simple). The later, the longer a step and the more of the link is theirs.
enum class Protocol { ll, ll128, simple };

/// Until the last rank has the first byte: what starting costs, and each step of the longest way at the latency of its
/// link and what the protocol adds. @param algorithm not automatic
[[nodiscard]] Seconds startup_of(Algorithm algorithm, Protocol protocol, CollectiveKind kind,
                                 GroupShape const& group, hardware::NodeType const& node);

/// What a pass round many nodes (all_gather, reduce_scatter, broadcast) takes beyond its bytes at that rate. A step waits for its
/// latency or for its chunk, whichever is longer, so that both together take about sqrt(latency^2 + bytes^2); a broadcast has no
/// chunk to pass on before the first has come, and takes their sum. With the protocol that is soonest done.
/// @param sent by a rank over the NIC
/// @param slower steps as measured over those of NCCL's cost model
[[nodiscard]] Seconds round_nodes(CollectiveKind kind, GroupShape const& group,
                                  hardware::NodeType const& node, Bytes sent, BytesPerSecond attainable,
                                  double slower);

/// What bytes of so large a collective get of the rate that large messages attain.
[[nodiscard]] double share_of(Algorithm algorithm, Protocol protocol, GroupShape const& group, Bytes message);

/// The measured curves of a kind are those of the algorithm, since the libraries have no other for it.
[[nodiscard]] bool is_measured(Algorithm algorithm, CollectiveKind kind);

/// The kind whose measured rate is that of the algorithm: who talks to all at once is as fast as in an all_to_all, and
/// an all_reduce that no switch sums for it as an all_gather.
[[nodiscard]] CollectiveKind rate_like(Algorithm algorithm, CollectiveKind kind);

/// Smaller messages say less of the rate than of how they start.
constexpr Bytes shows_rate{256.0 * 1048576};

/// A part of a collective: what one rank sends inside its node, or beyond it.
struct Part {
    Bytes message; ///< of the whole collective
    Bytes sent;
    CollectiveCost large; ///< of shows_rate and more, of the kind that rate_like() names
    CollectiveCost small; ///< of next to nothing, as the library chose
};

/// By the protocol that is soonest done, and no sooner started than what the library itself was measured with.
/// @param algorithm not automatic
[[nodiscard]] CollectiveCost carried_out_by(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                                            hardware::NodeType const& node, Part const& part);

} // namespace moesaic::timing
