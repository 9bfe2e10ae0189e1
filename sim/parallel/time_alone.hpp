#pragma once
#include "parallel/merge_blocks.hpp"
#include "timing/timings.hpp"

namespace moesaic::parallel {

/// Times of operations of a class on one pool, with chip and links for themselves: for the order of a pair's
/// operations; the engine simulates what they take together. Both must outlive the result.
[[nodiscard]] TimeAlone time_alone(hardware::Topology const& topology, timing::Timings const& timings,
                                   PoolId pool);

} // namespace moesaic::parallel
