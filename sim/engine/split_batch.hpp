#pragma once
#include "parallel/build_program.hpp"

namespace moesaic::engine {

/// Micro-batches per replica kind in proportion to speed, where the plan leaves them open: the split of the global batch
/// with the least time of the slowest kind. A kind takes as long as the busiest stream or the longest chain of its slowest
/// stage (block_bounds(), so without contention): what it does once and, for each of m micro-batches, t, with the
/// pipeline's idle time (parallel::bubble_share) on the chain: (m + p - 1) t for 1F1B over p stages.
/// @throws InputError where no split gives the batch exactly
[[nodiscard]] parallel::Plan split_batch(parallel::Job const& job);

} // namespace moesaic::engine
