#pragma once
#include "parallel/stage_setting.hpp"
#include "parallel/traffic.hpp"

namespace moesaic::parallel {

/// Forward of one micro-batch. @param first_of_step its parameters are gathered behind it, where the plan says so
[[nodiscard]] Block forward_block(StageSetting const& setting, ChunkContent const& content, Pricer& pricer,
                                  bool first_of_step);
/// Backward, with what is computed again. @param last_of_step its gradients are summed behind it, where the plan says so
/// @param part with inputs alone no gradients are summed
[[nodiscard]] Block backward_block(StageSetting const& setting, ChunkContent const& content, Pricer& pricer,
                                   bool last_of_step, BackwardPart part = BackwardPart::both);

} // namespace moesaic::parallel
