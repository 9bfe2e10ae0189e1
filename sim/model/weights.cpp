#include "model/weights.hpp"

#include "base/overloaded.hpp"

namespace moesaic::model {

AttentionWeights attention_weights(Model const& model, int heads, int kv_heads) {
    std::int64_t const hidden = model.hidden, q_heads = heads;
    return std::visit(
        overloaded{[&](Gqa const& a) {
                       // Q and output projection; K and V
                       return AttentionWeights{.split = hidden * a.head_dim * 2 * (q_heads + kv_heads)};
                   },
                   [&](Mla const& a) {
                       std::int64_t const q_input = a.q_lora_rank > 0 ? a.q_lora_rank : hidden;
                       std::int64_t const queries = q_input * q_heads * (a.nope_dim + a.rope_dim);
                       std::int64_t const keys_values = a.kv_lora_rank * q_heads * (a.nope_dim + a.v_dim);
                       return AttentionWeights{.split = queries + keys_values + q_heads * a.v_dim * hidden,
                                               .replicated =
                                                   hidden * (a.q_lora_rank + a.kv_lora_rank + a.rope_dim)};
                   }},
        model.attention);
}

AttentionWeights attention_weights(Model const& model) {
    return attention_weights(model, heads_of(model), kv_heads_of(model));
}

int kv_heads_of(Model const& model) {
    return std::visit(
        overloaded{[](Gqa const& a) { return a.kv_heads; }, [](Mla const& a) { return a.heads; }},
        model.attention);
}

std::int64_t adapter_weights(Model const& model, int rank) { return std::int64_t{4} * model.hidden * rank; }

std::int64_t ffn_weights(Model const& model, int inner) {
    return static_cast<std::int64_t>(model.gated_ffn ? 3 : 2) * model.hidden * inner;
}

} // namespace moesaic::model
