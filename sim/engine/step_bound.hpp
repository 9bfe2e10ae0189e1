#pragma once
#include "base/units.hpp"
#include "hardware/topology.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <array>
#include <vector>

namespace moesaic::engine {

/// No step takes less: blocks as solid pieces on the chain of each class and its messages, and the busiest stream of
/// a rank behind the way to its first block. For p uniform stages and m micro-batches it is (m + p - 1) (t_f + t_b)
/// and the messages of the way in and out; blocking messages lengthen their sender's chain. One pass over the schedules, no simulation; any number of calls.
/// Never above the step with Sharing::none, which is never above the simulated one.
/// @throws BugError for a program that cannot end
[[nodiscard]] Seconds step_bound(parallel::Program const& program, hardware::Topology const& topology,
                                 timing::Timings const& timings);

/// What a block takes at least, whatever else goes on.
struct BlockBound {
    Seconds length; ///< from its messages to the last operation that the next block waits for
    std::array<Seconds, parallel::streams> busy{}; ///< of each stream
};

/// Of each block of the class, which has no messages and no schedule to speak of. Any number of calls.
[[nodiscard]] std::vector<BlockBound> block_bounds(parallel::RankClass rank_class,
                                                   hardware::Topology const& topology,
                                                   timing::Timings const& timings);

} // namespace moesaic::engine
