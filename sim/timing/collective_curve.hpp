#pragma once
#include "timing/collective.hpp"
#include "timing/store_view.hpp"

#include <vector>

namespace moesaic::timing {

/// Bytes that one rank sends, per byte of the collective's size as nccl-tests counts it:
/// all_reduce 2 (n-1)/n, all_gather, reduce_scatter and all_to_all (n-1)/n, broadcast and send_recv 1.
[[nodiscard]] double rank_bytes_per_byte(CollectiveKind kind, int ranks);
/// The same for what leaves the node over the rank's NIC, all ranks of a node with their own:
/// a ring crosses each boundary with 1/(ranks per node) of its bytes, all_to_all sends what is for other nodes.
[[nodiscard]] double nic_bytes_per_byte(CollectiveKind kind, int ranks, int nodes);

/// Measured time over size of one collective at one number of ranks.
struct CollectiveCurve {
    int ranks = 0, nodes = 1;
    std::vector<double> bytes; ///< ascending, nccl-tests' size
    std::vector<double> seconds;
    double misses =
        0.0; ///< of sizes left out, |ln(time)| per ln of the gap between their neighbours: four of five stay below
    double disagreement = 0.0; ///< of sizes measured more than once, the greatest: see Repeated
    Grade grade = Grade::c;
    bool condensed = false; ///< cells of a grid, not measurements
    std::string chip;
};

struct CurveTime {
    Seconds time;
    bool measured = false; ///< a measured size
    double sigma = 0.0; ///< of ln(time), as sizes that are left out show it; grows with the gap between sizes
};
/// Sets `misses` by leaving out size after size.
void learn_misses(CollectiveCurve& curve);
/// Log-log between measured sizes; below the least its time, above the greatest its bandwidth.
[[nodiscard]] CurveTime time_on(CollectiveCurve const& curve, Bytes size);

/// The curves of a chip with which other fabrics of the kind compare.
/// @param beyond_node those over several nodes, else those inside one
[[nodiscard]] std::vector<CollectiveCurve> curves_of(StoreView const& store, hardware::Chip const& chip,
                                                     CollectiveKind kind, bool beyond_node);

/// Start-up time and rate that give back the curve's time for so many bytes sent, and follow it around there.
/// @param bytes_per_byte what a rank sends per byte of nccl-tests' size
/// @param link the rate of the link; small messages are not given more
[[nodiscard]] CollectiveCost split_time(CollectiveCurve const& curve, Bytes rank_bytes, double bytes_per_byte,
                                        BytesPerSecond link);

} // namespace moesaic::timing
