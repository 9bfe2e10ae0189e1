#pragma once
#include "base/dtype.hpp"
#include "base/units.hpp"
#include "parallel/stage_setting.hpp"

namespace moesaic::parallel {

/// Of one element, with what belongs to the scales of its blocks.
[[nodiscard]] double bytes_with_scales(Dtype dtype);

/// Bytes that one layer keeps for its backward pass per micro-batch on one rank. Every tensor that a backward
/// kernel reads is counted once (the list of Korthikanti et al. 2022, section 4.1, with FlashAttention, grouped-query
/// attention and top-k experts; without fused attention the maps too).
[[nodiscard]] Bytes activation_bytes(StageSetting const& setting, int layer, Recompute recompute);
/// Bytes that a layer still keeps when the gradients of its inputs are done and those of its weights are not: of each
/// product its input and its output's gradient (Qi et al., arXiv 2401.10241, section 2.3).
[[nodiscard]] Bytes waiting_bytes(StageSetting const& setting, int layer);

/// Of the head and its loss, those of the MTP modules included; see LossMemory.
struct HeadBytes {
    Bytes kept;    ///< of a micro-batch until its backward, one set per module
    Bytes waiting; ///< from there until the gradients of its weights are done: see waiting_bytes()
    Bytes at_work; ///< logits and their gradient, of one module, that lie beside what is kept
};
[[nodiscard]] HeadBytes head_bytes(StageSetting const& setting);

} // namespace moesaic::parallel
