#pragma once
#include "model/model.hpp"
#include "model/shard.hpp"

#include <cstdint>

namespace moesaic::model {

/// Weights of one layer by part, so that a plan can shard each part its own way.
struct LayerParameters {
    std::int64_t attention = 0;  ///< projections, split over tensor ranks
    std::int64_t replicated = 0; ///< compressing projections of latent attention: whole on every tensor rank
    std::int64_t dense_ffn = 0;  ///< dense FFN, or the shared experts of a MoE layer
    std::int64_t experts = 0;    ///< all routed experts together
    std::int64_t router = 0;     ///< with the projections to latent experts and back
    std::int64_t norms = 0;

    [[nodiscard]] std::int64_t total() const {
        return attention + replicated + dense_ffn + experts + router + norms;
    }
    /// Apart from the routed experts: these are sharded over data ranks, those over expert-data ranks.
    [[nodiscard]] std::int64_t outside_experts() const { return total() - experts; }
};

/// Tensors that hold a layer's weights, each a parameter of its own to software that moves or owns them whole: projections,
/// norms, the router. Without routed experts and biases.
[[nodiscard]] int weight_tensors(Model const& model, int layer);

/// Weights outside the layers.
struct EndParameters {
    std::int64_t embedding = 0; ///< token table
    std::int64_t positions = 0;
    std::int64_t head = 0; ///< 0 where tied to the embedding
    std::int64_t final_norm = 0;
    [[nodiscard]] std::int64_t total() const { return embedding + positions + head + final_norm; }
};

[[nodiscard]] LayerParameters layer_parameters(Model const& model, int layer);
[[nodiscard]] EndParameters end_parameters(Model const& model);

/// One MTP module; embedding and head are those of the model.
struct MtpParameters {
    LayerParameters layer;
    std::int64_t projection =
        0; ///< of hidden state and embedding to one hidden state; split over tensor ranks
    std::int64_t norms = 0;
};
[[nodiscard]] MtpParameters mtp_parameters(Model const& model);

/// All weights, both embeddings included, MTP modules not (as DeepSeek-V3 counts its 671B).
[[nodiscard]] std::int64_t total_parameters(Model const& model);
/// With those of the MTP modules, which are trained and saved too.
[[nodiscard]] std::int64_t trained_parameters(Model const& model);
/// Weights that one token passes: total less the routed experts that are not chosen. Makers differ in whether
/// they count the embedding (Mixtral, Qwen3, Ling) or not (DeepSeek).
[[nodiscard]] std::int64_t active_parameters(Model const& model,
                                             ActiveCount counts = ActiveCount::both_embeddings);

/// What one rank of the sharding holds of a layer. @param local_experts 0 = experts / expert ranks
[[nodiscard]] LayerParameters rank_parameters(Model const& model, int layer, Shard const& shard,
                                              int local_experts = 0);
/// The embedding and the head are split over tensor ranks by vocabulary.
[[nodiscard]] EndParameters rank_end_parameters(Model const& model, Shard const& shard);

} // namespace moesaic::model
