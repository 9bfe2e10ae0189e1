#pragma once
#include "parallel/traffic.hpp"

#include <string_view>

namespace moesaic::parallel {

/// A layer of one micro-batch forward. @param prefix of the kernels' roles, for recomputation
void forward_layer(StageSetting const& setting, int layer, BlockBuilder& to, std::string_view prefix = {});
/// Backward, with what is computed again. Of parts, the weights' one is kernels alone.
void backward_layer(StageSetting const& setting, int layer, BlockBuilder& to, BackwardPart part);

/// Final norm, head and loss; then one layer and one more head per MTP module (DeepSeek-V3, section 2.2).
void forward_head(StageSetting const& setting, BlockBuilder& to);
void backward_head(StageSetting const& setting, BlockBuilder& to, BackwardPart part);

} // namespace moesaic::parallel
