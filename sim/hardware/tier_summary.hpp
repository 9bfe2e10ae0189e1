#pragma once
#include "hardware/topology.hpp"

#include <vector>

namespace moesaic::hardware {

/// What a pair of chips at some distance finds, read from the topology's routes.
struct TierSummary {
    Tier tier = Tier::node;
    ChipIndex from;
    ChipIndex to;
    Seconds latency;
    BytesPerSecond alone;       ///< the narrowest link of the path
    BytesPerSecond all_at_once; ///< the narrowest share of a link, when all chips behind it send over it;
                                ///< in a mesh all wires of a chip together
};

/// One entry per tier of the pool, from its first chip to the nearest one of that tier; tiers that the pool does
/// not have are left out.
[[nodiscard]] std::vector<TierSummary> summarize_tiers(Topology const& topology, PoolId pool);

} // namespace moesaic::hardware
