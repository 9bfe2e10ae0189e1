#pragma once
#include "model/model.hpp"

#include <cstdint>

namespace moesaic::model {

/// Matrix weights of one layer's mixer, biases and gains left out: what products multiply with.
struct AttentionWeights {
    std::int64_t split = 0;      ///< over tensor ranks
    std::int64_t replicated = 0; ///< compressing projections of latent attention, first factors of gates
};
/// @param hidden size of the model
/// @param heads, kv_heads of one rank
[[nodiscard]] AttentionWeights attention_weights(Mixer const& mixer, int hidden, int heads, int kv_heads);
[[nodiscard]] AttentionWeights attention_weights(Mixer const& mixer, int hidden);
/// Columns that the convolution of linear attention reads: queries, keys and values. @param heads, key_heads of one rank
[[nodiscard]] std::int64_t convolved_columns(LinearAttention const& a, std::int64_t heads,
                                             std::int64_t key_heads);
/// Columns that linear attention projects the hidden state to in one product: those, the gate, and a decay and a step size
/// per head, as far as they are no products of two factors. @param heads, key_heads of one rank
[[nodiscard]] std::int64_t projected_columns(LinearAttention const& a, std::int64_t heads,
                                             std::int64_t key_heads);
/// Low-rank adapters of a layer's attention (Hu et al. 2021): hidden to rank and back, once for queries, keys and values
/// together and once for the output.
[[nodiscard]] std::int64_t adapter_weights(Model const& model, int rank);
/// A feed-forward network of so many columns in and out, and of this inner size.
[[nodiscard]] std::int64_t ffn_weights(Model const& model, int columns, int inner);
/// The projections to the columns of latent experts and back; 0 where the model has none.
[[nodiscard]] std::int64_t latent_weights(Model const& model);

} // namespace moesaic::model
