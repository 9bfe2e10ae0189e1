#pragma once
#include "parallel/block_builder.hpp"
#include "parallel/stage_setting.hpp"

#include <span>
#include <string_view>

namespace moesaic::parallel {

/// Send and receive buffers of the largest exchange between context ranks; none where there is one.
[[nodiscard]] Bytes context_buffers(StageSetting const& setting);

/// Kernels among which stands the attention of a sequence that context ranks share, half of each part before and half
/// behind the middle of the sequence, so that a causal mask leaves all ranks the same work (Megatron-LM, Llama 3).
///   ring        c steps over the part at hand; meanwhile the next part's keys and values come in. The partial outputs
///               are merged. Backward: the gradients of keys and values go round behind them and home in one more hop.
///   all_gather  keys and values of all parts come first; backward they are gathered again and their gradients reduced
///   all_to_all  queries, keys and values go to the ranks of their heads, one after the other, and the output comes back; so do
///               the output's gradient and theirs backward: what came is kept (Transformer Engine's context_parallel.py since
///               2.8). Each carries the rank's own rows of its columns, and is copied into the order of the ranks and back. The one
///               way for linear attention, which reads its sequence in order; what its convolution reads of the neighbour is left out.
void context_forward(StageSetting const& setting, std::span<model::Operation const> kernels, BlockBuilder& to,
                     std::string_view prefix);
void context_backward(StageSetting const& setting, std::span<model::Operation const> gradients,
                      BlockBuilder& to);
/// What the backward of the attention among the kernels needs of other ranks where queries, keys and values were not kept but
/// computed again.
void context_again(StageSetting const& setting, std::span<model::Operation const> kernels, BlockBuilder& to,
                   std::string_view prefix);

} // namespace moesaic::parallel
