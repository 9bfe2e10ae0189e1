#pragma once
#include "hardware/cluster.hpp"
#include "hardware/topology.hpp"
#include "timing/collective.hpp"
#include "timing/store_view.hpp"

namespace moesaic::timing {

struct CollectiveQuestion {
    CollectiveKind kind = CollectiveKind::all_reduce;
    hardware::Tier tier = hardware::Tier::node;
    Bytes rank_bytes; ///< what one rank sends over the tier
    int ranks = 1;
    int nodes = 1;
    std::optional<TokenExchange> tokens; ///< of an all_to_all by kernels of their own
};

[[nodiscard]] bool is_inside_node(CollectiveQuestion const& question);
/// What the catalogue knows of the chip's links inside a node, or of its NIC; each way.
[[nodiscard]] std::optional<BytesPerSecond> link_of(hardware::Chip const& chip, bool inside_node);

/// From the chip's measured curves, else those of chips with a like fabric scaled by the links, else published
/// shares of the link.
[[nodiscard]] CollectiveCost collective_cost(StoreView const& store, hardware::NodeType const& node,
                                             CollectiveQuestion const& question);

} // namespace moesaic::timing
