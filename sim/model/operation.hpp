#pragma once
#include "base/dtype.hpp"
#include "base/units.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::model {

/// What a kernel computes. Shapes (m, n, k, batch) per kind:
///   gemm                 C[m,n] = A[m,k] B[k,n]
///   bmm                  batch products of that shape, both factors computed
///   grouped_gemm         batch products of m rows each (rows per group)
///   moe_ffn              expert FFN, fused: m = tokens before top-k, n = expert inner size per tensor rank,
///                        k = hidden size, batch = local experts; options topk, experts, gated
///   attention            m query and n key positions, k = head size, batch = sequences; options heads, kv_heads,
///                        v_dim, causal, window
///   mla_attention        the same, k = 192, v_dim = 128 (DeepSeek form)
///   linear_attention     m positions, n = 1, k = key head size, batch = sequences; options heads (of values), kv_heads (of keys),
///                        v_dim: a state that decays (Lightning attention, the scan of Mamba-2), in chunks
///   delta_rule, kda      the same with the delta rule, the state decaying by head (Gated DeltaNet) or by column (Kimi Delta Attention)
///   short_convolution    m rows of n columns, causal, k = rows that one reads; with its activation
///   rmsnorm, layernorm, rope, gated_activation, gelu, add, dropout, softmax, quantise, embedding, cross_entropy
///                        m rows of n columns (of the output)
///   router_topk          m tokens, n experts, k = top-k: softmax and selection
///   permute, unpermute   m rows (token copies) of n columns; option topk = copies per token (0: as many as there are)
///   optimizer_step       m = parameters updated on this rank (AdamW, fp32 master weights); option moments
enum class OpKind {
    gemm,
    bmm,
    grouped_gemm,
    moe_ffn,
    attention,
    mla_attention,
    linear_attention,
    delta_rule,
    kda,
    short_convolution,
    rmsnorm,
    layernorm,
    rope,
    gated_activation,
    gelu,
    add,
    dropout,
    softmax,
    router_topk,
    permute,
    unpermute,
    quantise,
    embedding,
    cross_entropy,
    optimizer_step
};

/// backward = input and weight gradient together; the two are apart where schedules split them.
enum class Pass { forward, backward, input_gradient, weight_gradient };

struct Operation {
    OpKind kind = OpKind::gemm;
    Pass pass = Pass::forward;
    Dtype dtype = Dtype::bf16;
    std::int64_t m = 1, n = 1, k = 1, batch = 1;
    int heads = 0, kv_heads = 0; ///< attention only, linear too
    int v_dim = 0;               ///< 0 = k
    bool causal = false;
    int window = 0;            ///< sliding window, 0 = none
    int topk = 0, experts = 0; ///< moe_ffn: of the whole layer; topk also of permute and unpermute
    bool gated = true;
    bool gradient_quantised =
        false; ///< of a product: the kernel before it in the backward pass wrote its gradient so
    Dtype moments = Dtype::fp32; ///< of optimizer_step: both
    std::string role; ///< what it is in the model: "qkv", "expert_up", …; for reports, not for look-up

    friend bool operator==(Operation const&, Operation const&) = default;
};

/// Of the fields that tell most operations of a model apart.
struct HashOperation {
    std::size_t operator()(Operation const& op) const noexcept;
};

[[nodiscard]] std::string_view name_of(OpKind kind);
[[nodiscard]] std::optional<OpKind> find_op_kind(std::string_view name);
[[nodiscard]] std::vector<std::string> op_kind_names();
[[nodiscard]] std::string_view name_of(Pass pass);
/// "gemm bf16 4096x7168x2048" for messages.
[[nodiscard]] std::string text_of(Operation const& op);

/// Work of the matrix units (2 per multiply-add); zero for memory-bound kinds.
/// Products: forward 2mnk, each gradient the same. Attention: two products forward, five backward (one of
/// them recomputes the scores: FlashAttention-2, arXiv 2307.08691, section 3.1.2), which is 2.5 times the
/// forward work where v_dim = k; a causal mask halves it. Attention has no weights: its input gradient is its
/// whole backward. Linear attention: see chunk_of_linear_attention.
[[nodiscard]] Flop flop_of(Operation const& op);
/// Positions that kernels of linear attention take at a time (as flash-linear-attention's): within a chunk queries meet keys as in
/// attention, whole squares; between chunks there is the state. Per position and head, c the chunk, d_k and d_v the sizes, 2 FLOP each:
///   decay    c (d_k + d_v) within, 2 d_k d_v with the state (Dao and Gu, arXiv 2405.21060, section 6)
///   delta    c (3 d_k + 2 d_v) within, for keys meet keys, and keys and values a triangular inverse; 3 d_k d_v
///            (Yang et al., arXiv 2412.06464, section 3.3)
/// Backward, counted in flash-linear-attention's kernels, which compute again what lies between: c (3 d_k + 2 d_v) and 5 d_k d_v;
/// with the delta rule c (7 d_k + 5 d_v) and 8 d_k d_v.
constexpr int chunk_of_linear_attention = 64;
/// Least traffic to device memory: each input read once, each output written once. Elements have the size of
/// the dtype, outputs of products at least two bytes (fp8 GEMM gives bf16); scales and row statistics are
/// left out. The backward of a product is two kernels, so the output's gradient is read twice; weight
/// gradients are written in the output's type. optimizer_step per parameter: reads the fp32 master, two moments
/// (op.moments) and the gradient (op.dtype), writes master, moments and the bf16 weight: 26 bytes + gradient with
/// moments in fp32. A pass that does nothing moves nothing.
[[nodiscard]] Bytes bytes_of(Operation const& op);
/// Linear attention of either rule.
[[nodiscard]] bool is_linear(OpKind kind);
/// The kind has weights, so that its weight gradient is work apart from the input gradient.
[[nodiscard]] bool has_weights(OpKind kind);

} // namespace moesaic::model
