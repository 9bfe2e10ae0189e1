#pragma once
#include "parallel/block_builder.hpp"
#include "parallel/stage_setting.hpp"

#include <span>
#include <string_view>

namespace moesaic::parallel {

/// Bytes of the keys and values that one context rank makes of its part of a micro-batch's sequences.
[[nodiscard]] Bytes key_value_bytes(StageSetting const& setting);

/// Kernels among which stands the attention of a sequence that context ranks share, half of each part before and half
/// behind the middle of the sequence, so that a causal mask leaves all ranks the same work (Megatron-LM, Llama 3).
///   ring        c steps over the part at hand; meanwhile the next part's keys and values come in. The partial outputs
///               are merged. Backward: the gradients of keys and values go round behind them and home in one more hop.
///   all_gather  keys and values of all parts come first; backward they are gathered again and their gradients reduced
void context_forward(StageSetting const& setting, std::span<model::Operation const> kernels, BlockBuilder& to,
                     std::string_view prefix);
void context_backward(StageSetting const& setting, std::span<model::Operation const> gradients,
                      BlockBuilder& to);

} // namespace moesaic::parallel
