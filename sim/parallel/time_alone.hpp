#pragma once
#include "parallel/merge_blocks.hpp"
#include "timing/timings.hpp"

namespace moesaic::parallel {

/// Times of operations of a class on one pool, with chip and links for themselves: for orders and first guesses; the
/// engine simulates what they take together. Both must outlive the result.
[[nodiscard]] TimeAlone time_alone(hardware::Topology const& topology, timing::Timings const& timings,
                                   PoolId pool);

/// How long a block takes if each operation starts as soon as its stream and what it waits for allow. What nothing waits
/// for, and what starts before the block's messages have come, is left out.
[[nodiscard]] Seconds block_time(std::vector<BlockOp> const& ops, TimeAlone const& time);

} // namespace moesaic::parallel
