#pragma once
#include "parallel/traffic.hpp"

#include <string_view>

namespace moesaic::parallel {

/// A layer of one micro-batch forward. @param prefix of the kernels' roles, for recomputation
void forward_layer(StageSetting const& setting, int layer, BlockBuilder& to, std::string_view prefix = {});
/// Backward, with what is computed again. Of parts, the weights' one is kernels alone.
void backward_layer(StageSetting const& setting, int layer, BlockBuilder& to, BackwardPart part);

/// Low-rank adapters of the attention's projections: down to `rank` columns, up, and added (Hu et al. 2021).
[[nodiscard]] model::Operations adapter_operations(StageSetting const& setting);

/// Of a layer's host time; the backward launches twice the kernels of the forward.
constexpr double host_forward_share = 1.0 / 3.0, host_backward_share = 2.0 / 3.0;

/// Pieces of a layer, for ranks that hold a part of it. Kernels and the tensor ranks' sends, without host time.
constexpr std::string_view recompute_prefix = "recompute ";
void forward_attention(StageSetting const& setting, model::LayerOperations const& ops, BlockBuilder& to,
                       std::string_view prefix = {});
void backward_attention(StageSetting const& setting, model::LayerOperations const& ops, BlockBuilder& to,
                        BackwardPart part);
void forward_ffn(StageSetting const& setting, model::LayerOperations const& ops, BlockBuilder& to,
                 std::string_view prefix = {});
void backward_ffn(StageSetting const& setting, model::LayerOperations const& ops, BlockBuilder& to,
                  BackwardPart part);
/// Kernels that run again where less than the whole layer does: those of the experts, of all else, or both.
void recompute_selected(StageSetting const& setting, Recompute recompute, model::LayerOperations const& ops,
                        BlockBuilder& to, Part part = Part::all);

/// Final norm, head and loss; then one layer and one more head per MTP module (DeepSeek-V3, section 2.2).
void forward_head(StageSetting const& setting, BlockBuilder& to);
void backward_head(StageSetting const& setting, BlockBuilder& to, BackwardPart part);
/// One of these heads alone.
void forward_one_head(StageSetting const& setting, BlockBuilder& to);
void backward_one_head(StageSetting const& setting, BlockBuilder& to, BackwardPart part);

} // namespace moesaic::parallel
