#pragma once
#include "model/model.hpp"
#include "model/operation.hpp"
#include "model/precision.hpp"
#include "model/shard.hpp"

#include <span>
#include <vector>

namespace moesaic::model {

/// What one rank gets of one micro-batch.
struct LayerShape {
    Shard shard;
    Precision precision;         ///< of the whole model
    int micro_batch = 1;         ///< sequences
    int sequence_length = 0;     ///< whole sequences, before context ranks share them
    int local_experts = 0;       ///< 0 = experts / expert ranks
    double expert_load = 1.0;    ///< token copies of this rank's experts over the mean of the expert ranks
    bool fused_attention = true; ///< false: scores, softmax and values as three kernels over the full square
    /// true: the exchange reads each token and sums what comes back (DeepEP): no copies in the order of ranks before,
    /// no weighted sum after it
    bool exchange_copies = false;
    /// true: the experts' first products also apply the gate and write what the second ones take, quantised; the gradient
    /// of the second products likewise for the first (cuDNN's grouped products for MXFP8)
    bool fused_gate = false;
};

using Operations = std::vector<Operation>;

/// A layer's forward work between communication points, in order. Tensor ranks all-gather rows (with sequence
/// parallelism) before attention, ffn and shared, and reduce after them; expert ranks exchange tokens between
/// pre_dispatch and experts, and between experts and post_combine.
struct LayerOperations {
    // attention: none of these three where the layer is an FFN alone
    Operations attention_norm; ///< norm; for latent attention also its compressing projections
    int gathered_columns = 0;  ///< of rows before attention: hidden, or what latent attention compresses to
    Operations attention;      ///< projections in, attention (linear too), projection out
    Operations attention_residual;
    // a layer with a dense FFN; otherwise none
    Operations ffn_norm;
    Operations ffn;
    Operations ffn_residual;
    // a MoE layer; otherwise none
    Dtype dispatch = Dtype::bf16; ///< of tokens on their way to the experts
    Operations pre_dispatch;      ///< norm, router, choice, copies in the order of their expert ranks
    Operations experts;           ///< sorting by expert, the products, sorting back
    Operations shared;            ///< depends on pre_dispatch's norm only: may run beside the exchange
    Operations post_combine;      ///< weighted sum, shared experts' part, residual
};

[[nodiscard]] LayerOperations layer_operations(Model const& model, int layer, LayerShape const& shape);
/// Token embedding (and positions): first stage.
[[nodiscard]] Operations embedding_operations(Model const& model, LayerShape const& shape);
/// Final norm, before the tensor ranks gather; then head and loss: last stage, and once more per MTP module.
[[nodiscard]] Operations final_norm_operations(Model const& model, LayerShape const& shape);
[[nodiscard]] Operations head_operations(Model const& model, LayerShape const& shape);
/// What a MTP module does before its layer: two norms and the projection of hidden state and embedding.
[[nodiscard]] Operations mtp_operations(Model const& model, LayerShape const& shape);
/// @param gradients, moments their formats
[[nodiscard]] Operation optimizer_operation(std::int64_t parameters, Dtype gradients,
                                            Dtype moments = Dtype::fp32);

/// The backward work of forward operations, in backward order, with weight gradients apart. What has no
/// weights is all in input_gradient. With a narrow format each product first quantises its output's gradient.
struct BackwardOperations {
    Operations input_gradient;
    Operations weight_gradient;
};
[[nodiscard]] BackwardOperations backward_of(std::span<Operation const> forward);

/// Rows (tokens) of a rank: all that its tensor group shares, and those that it holds alone between the
/// blocks.
[[nodiscard]] std::int64_t group_rows(LayerShape const& shape);
[[nodiscard]] std::int64_t own_rows(LayerShape const& shape);
/// Different tokens that a rank sends to experts: its part of the tensor group's.
[[nodiscard]] double dispatched_tokens(LayerShape const& shape);
/// Token copies that this rank's experts compute.
[[nodiscard]] double expert_rows(Moe const& moe, LayerShape const& shape);
[[nodiscard]] int local_experts(Moe const& moe, LayerShape const& shape);

[[nodiscard]] Flop flop_of(std::span<Operation const> operations);
[[nodiscard]] Bytes bytes_of(std::span<Operation const> operations);

} // namespace moesaic::model
