#pragma once
#include "parallel/schedule.hpp"

namespace moesaic::parallel {

/// The order of one stage under DualPipe, as the eight steps of deepseek-ai/DualPipe (README and the published
/// schedule). Chunk 0 takes micro-batches from the first stage to the last, chunk 1 from the last to the first.
[[nodiscard]] std::vector<Slot> dual_pipe_slots(bool paired, int stage, int stages, int micro_batches);

/// The same under DualPipeV: that of a stage in the first half of DualPipe with twice the stages and, since they enter from
/// both ends there, twice the micro-batches. What comes from the other end there is here a micro-batch on its way back.
[[nodiscard]] std::vector<Slot> dual_pipe_v_slots(bool paired, int stage, int stages, int micro_batches);

} // namespace moesaic::parallel
