#pragma once
#include "hardware/cluster.hpp"
#include "hardware/topology.hpp"
#include "timing/collective.hpp"
#include "timing/store.hpp"

#include <optional>
#include <vector>

namespace moesaic::timing {

/// Bytes that one rank sends, per byte of the collective's size as nccl-tests counts it:
/// all_reduce 2 (n-1)/n, all_gather, reduce_scatter and all_to_all (n-1)/n, broadcast and send_recv 1.
[[nodiscard]] double rank_bytes_per_byte(CollectiveKind kind, int ranks);

/// Measured time over size of one collective at one number of ranks.
struct CollectiveCurve {
    int ranks = 0, nodes = 1;
    std::vector<double> bytes; ///< ascending, nccl-tests' size
    std::vector<double> seconds;
    Grade grade = Grade::c;
    std::string library;
};

struct CurveTime {
    Seconds time;
    bool measured = false; ///< a measured size
    bool inside = false;   ///< between the least and the greatest size
};
/// Log-log between measured sizes; below the least its time, above the greatest its bandwidth.
[[nodiscard]] CurveTime time_on(CollectiveCurve const& curve, Bytes size);

/// The curves of a chip, best first.
[[nodiscard]] std::vector<CollectiveCurve> curves_of(TimingStore const& store, hardware::Chip const& chip,
                                                     CollectiveKind kind);

struct CollectiveQuestion {
    CollectiveKind kind = CollectiveKind::all_reduce;
    hardware::Tier tier = hardware::Tier::node;
    Bytes rank_bytes;
    int ranks = 1;
    int nodes = 1;
};
[[nodiscard]] CollectiveCost collective_cost(TimingStore const& store, hardware::NodeType const& node,
                                             CollectiveQuestion const& question);

} // namespace moesaic::timing
