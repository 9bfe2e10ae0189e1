#pragma once
#include "model/layer_operations.hpp"
#include "model/model.hpp"
#include "parallel/layout.hpp"
#include "parallel/plan.hpp"

#include <optional>

namespace moesaic::parallel {

/// Ranks of other workers that hold the same parameters, see LocalSgd.
struct OuterGroups {
    RankSet dense, expert;
    /// Several kinds: a rank passes its part to one of the next kind, as an all-reduce of two, so many times as large.
    double times = 1.0;
};

/// All that decides what a rank of a stage computes and sends. References outlive it.
struct StageSetting {
    model::Model const& model;
    Plan const& plan;
    ReplicaKind const& kind;
    StageGroup const& group;
    Groups groups;
    model::LayerShape shape;
    int copies = 1;                   ///< stages that hold the same parts of the model
    std::optional<OuterGroups> outer; ///< where workers meet; groups are those of one worker then
};

[[nodiscard]] model::Shard shard_of(Plan const& plan, ReplicaKind const& kind, StageGroup const& group);
[[nodiscard]] StageSetting stage_setting(model::Model const& model, Plan const& plan, StagePlace const& place,
                                         std::int64_t sequence_length);

/// What one chunk of a stage holds.
struct ChunkContent {
    LayerRange layers;
    bool embedding = false;
    bool head = false;
};

/// Parameters of this rank whose gradients go to the data group and to the expert-data group.
struct LayerWeights {
    double dense = 0;
    double expert = 0;
};
[[nodiscard]] LayerWeights weights_of_layer(model::Model const& model, model::Shard const& shard, int layer);
/// Embedding and head with their norms, as far as the chunk holds them; MTP modules with the head.
[[nodiscard]] LayerWeights weights_of_ends(model::Model const& model, model::Shard const& shard,
                                           ChunkContent const& content);
[[nodiscard]] LayerWeights weights_of_chunk(model::Model const& model, model::Shard const& shard,
                                            ChunkContent const& content);
/// What of these is trained: all, or the adapters alone (two products of low rank per layer).
[[nodiscard]] LayerWeights trained_weights_of_layer(StageSetting const& setting, int layer);
[[nodiscard]] LayerWeights trained_weights_of_ends(StageSetting const& setting, ChunkContent const& content);
[[nodiscard]] LayerWeights trained_weights_of_chunk(StageSetting const& setting, ChunkContent const& content);

} // namespace moesaic::parallel
