#include "model/weights.hpp"

#include "base/overloaded.hpp"

namespace moesaic::model {

namespace {

AttentionWeights gqa_weights(Gqa const& a, std::int64_t hidden, std::int64_t heads, std::int64_t kv_heads) {
    std::int64_t const queries = heads * (a.output_gate ? 2 : 1);
    return {.split = hidden * a.head_dim * (queries + heads + 2 * kv_heads)}; // in, and out
}

AttentionWeights mla_weights(Mla const& a, std::int64_t hidden, std::int64_t heads) {
    std::int64_t const q_input = a.q_lora_rank > 0 ? a.q_lora_rank : hidden;
    std::int64_t const queries = q_input * heads * (a.nope_dim + a.rope_dim);
    std::int64_t const keys_values = a.kv_lora_rank * heads * (a.nope_dim + a.v_dim);
    return {.split = queries + keys_values + heads * a.v_dim * hidden,
            .replicated = hidden * (a.q_lora_rank + a.kv_lora_rank + a.rope_dim)};
}

AttentionWeights linear_weights(LinearAttention const& a, std::int64_t hidden, std::int64_t heads,
                                std::int64_t key_heads) {
    std::int64_t const values = heads * a.value_dim;
    return {.split = hidden * (projected_columns(a, heads, key_heads) + values) +
                     a.convolution * convolved_columns(a, heads, key_heads) + a.gate_rank * values +
                     a.decay_rank * heads * a.key_dim,
            .replicated = hidden * (a.gate_rank + a.decay_rank)};
}

} // namespace

std::int64_t convolved_columns(LinearAttention const& a, std::int64_t heads, std::int64_t key_heads) {
    return 2 * key_heads * a.key_dim + heads * a.value_dim;
}

std::int64_t projected_columns(LinearAttention const& a, std::int64_t heads, std::int64_t key_heads) {
    std::int64_t const gate = a.output_gate && a.gate_rank == 0 ? heads * a.value_dim : 0;
    std::int64_t const decay = a.decay == Decay::head                           ? heads
                               : a.decay == Decay::channel && a.decay_rank == 0 ? heads * a.key_dim
                                                                                : 0;
    return convolved_columns(a, heads, key_heads) + gate + decay + (a.delta_rule ? heads : 0);
}

AttentionWeights attention_weights(Mixer const& mixer, int hidden, int heads, int kv_heads) {
    return std::visit(
        overloaded{[](std::monostate) { return AttentionWeights{}; },
                   [&](Gqa const& a) { return gqa_weights(a, hidden, heads, kv_heads); },
                   [&](Mla const& a) { return mla_weights(a, hidden, heads); },
                   [&](LinearAttention const& a) { return linear_weights(a, hidden, heads, kv_heads); }},
        mixer);
}

AttentionWeights attention_weights(Mixer const& mixer, int hidden) {
    return attention_weights(mixer, hidden, heads_of(mixer), kv_heads_of(mixer));
}

std::int64_t adapter_weights(Model const& model, int rank) { return std::int64_t{4} * model.hidden * rank; }

std::int64_t ffn_weights(Model const& model, int columns, int inner) {
    return static_cast<std::int64_t>(model.gated_ffn ? 3 : 2) * columns * inner;
}

std::int64_t latent_weights(Model const& model) {
    return model.moe ? std::int64_t{2} * model.hidden * model.moe->latent : 0;
}

} // namespace moesaic::model
