#pragma once
#include "base/dtype.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::model {

/// What a kernel computes. Shapes (m, n, k, batch) per kind:
///   gemm                 C[m,n] = A[m,k] B[k,n]
///   grouped_gemm         batch products of m rows each (rows per group)
///   moe_ffn              expert FFN, fused: m = tokens before top-k, n = expert inner size per tensor rank,
///                        k = hidden size, batch = local experts; options topk, experts, gated
///   attention            m query and n key positions, k = head size, batch = sequences; options heads, kv_heads, v_dim, causal
///   mla_attention        the same, k = 192, v_dim = 128 (DeepSeek form)
///   rmsnorm, layernorm, rope, gated_activation, gelu, add, dropout, softmax, cross_entropy, embedding, quantise
///                        m rows of n columns (of the output)
///   router_topk          m tokens, n experts, k = top-k: softmax and selection
///   permute, unpermute   m rows (token copies) of n columns
///   optimizer_step       m = parameters updated on this rank (AdamW, fp32 master weights and moments)
enum class OpKind {
    gemm, bmm, grouped_gemm, moe_ffn, attention, mla_attention, rmsnorm, layernorm, rope, gated_activation, gelu,
    add, dropout, softmax, router_topk, permute, unpermute, quantise, embedding, cross_entropy, optimizer_step
};

/// backward = input and weight gradient together; the two are apart where schedules split them.
enum class Pass { forward, backward, input_gradient, weight_gradient };

struct Operation {
    OpKind kind = OpKind::gemm;
    Pass pass = Pass::forward;
    Dtype dtype = Dtype::bf16;
    std::int64_t m = 1, n = 1, k = 1, batch = 1;
    int heads = 0, kv_heads = 0; ///< attention only
    int v_dim = 0;               ///< 0 = k
    bool causal = false;
    int window = 0;        ///< sliding window, 0 = none
    int topk = 0, experts = 0; ///< moe_ffn only: of the whole layer
    bool gated = true;
    std::string role; ///< what it is in the model: "qkv", "expert_up", …; for reports, not for look-up

    friend bool operator==(Operation const&, Operation const&) = default;
};

[[nodiscard]] std::string_view name_of(OpKind kind);
[[nodiscard]] std::optional<OpKind> find_op_kind(std::string_view name);
[[nodiscard]] std::vector<std::string> op_kind_names();
[[nodiscard]] std::string_view name_of(Pass pass);
/// "gemm bf16 4096x7168x2048" for messages.
[[nodiscard]] std::string text_of(Operation const& op);

/// Work of the matrix units (2 per multiply-add); zero for memory-bound kinds.
[[nodiscard]] Flop flop_of(Operation const& op);
/// Least traffic to device memory: each input read once, each output written once.
[[nodiscard]] Bytes bytes_of(Operation const& op);

} // namespace moesaic::model
