#pragma once
#include "io/toml.hpp"

#include <string>
#include <vector>

namespace moesaic::parallel {

/// What of a layer is computed again in the backward pass instead of being kept. Parts can be joined; some stand for several.
enum class Recompute : unsigned {
    none = 0,
    layernorm =
        1U << 0U, ///< the norms before attention and before the FFN (Megatron-Core's module of that name)
    inner_norms = 1U << 1U, ///< of queries, keys and compressed vectors
    activation = 1U << 2U,  ///< of dense layers and shared experts
    moe_act = 1U << 3U,     ///< of routed experts (Megatron-Core)
    pointwise = layernorm | inner_norms | activation | moe_act,
    /// The up-projections of latent attention, with the norms before and the rotation after them (Megatron-Core); nothing
    /// where attention is not latent.
    mla_up_proj = 1U << 4U,
    up_projections = pointwise | mla_up_proj, ///< DeepSeek-V3, arXiv 2412.19437, section 3.2.3
    selective = 1U << 5U, ///< core attention (Korthikanti et al. 2022, section 5; Megatron-Core's core_attn)
    mlp = 1U << 6U,       ///< the FFN of dense layers, its communication included (Megatron-Core)
    shared_experts = 1U << 7U, ///< likewise (Megatron-Core)
    /// Router, exchange and experts, shared ones too: all behind the norm and before the residual (Megatron-Core).
    moe = 1U << 8U,
    /// Norms, activations, rope and every second product of a layer; attention is kept (torchtitan's selective
    /// checkpointing by operator, the default of its Llama 3 configurations).
    operators = 1U << 9U,
    full = 1U << 10U, ///< the whole layer, its communication included; only the layer's input is kept
    /// The least that fits, of none, pointwise (unfused attention: selective) and full in ever more of the layers;
    /// settle_recompute() puts one of them in its place.
    least = 1U << 11U
};

[[nodiscard]] constexpr Recompute operator|(Recompute a, Recompute b) {
    return static_cast<Recompute>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether all of `part` is among what is computed again.
[[nodiscard]] constexpr bool includes(Recompute recompute, Recompute part) {
    return (static_cast<unsigned>(recompute) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

/// "none", "mla_up_proj+moe_act": as files say it.
[[nodiscard]] std::string name_of(Recompute recompute);
/// @param text names joined by "+", found at `key` of `table`
/// @throws InputError for unknown names, and for joined ones that stand alone
[[nodiscard]] Recompute recompute_of_text(std::string const& text, io::TomlTable const& table,
                                          std::string_view key);

} // namespace moesaic::parallel
