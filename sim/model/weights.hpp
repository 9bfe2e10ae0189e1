#pragma once
#include "model/model.hpp"

#include <cstdint>

namespace moesaic::model {

/// Matrix weights of one layer, biases and gains left out: what products multiply with.
struct AttentionWeights {
    std::int64_t split = 0;      ///< over tensor ranks
    std::int64_t replicated = 0; ///< compressing projections of latent attention
};
/// @param heads, kv_heads of one rank
[[nodiscard]] AttentionWeights attention_weights(Model const& model, int heads, int kv_heads);
[[nodiscard]] AttentionWeights attention_weights(Model const& model);
/// Key and value heads; all heads for latent attention, whose keys are made per head.
[[nodiscard]] int kv_heads_of(Model const& model);
/// Low-rank adapters of a layer's attention (Hu et al. 2021): hidden to rank and back, once for queries, keys and values
/// together and once for the output.
[[nodiscard]] std::int64_t adapter_weights(Model const& model, int rank);
/// A feed-forward network of this inner size.
[[nodiscard]] std::int64_t ffn_weights(Model const& model, int inner);

} // namespace moesaic::model
