#pragma once
#include "model/layer_operations.hpp"
#include "model/model.hpp"
#include "parallel/block_builder.hpp"
#include "parallel/layout.hpp"
#include "parallel/plan.hpp"
#include "parallel/program.hpp"

namespace moesaic::parallel {

/// All that decides what a rank of a stage computes and sends. References outlive it.
struct StageSetting {
    model::Model const& model;
    Plan const& plan;
    ReplicaKind const& kind;
    StageGroup const& group;
    Groups groups;
    model::LayerShape shape;
};

[[nodiscard]] model::Shard shard_of(ReplicaKind const& kind, StageGroup const& group);
[[nodiscard]] StageSetting stage_setting(model::Model const& model, Plan const& plan, StagePlace const& place,
                                         std::int64_t sequence_length);

/// What one chunk of a stage holds.
struct ChunkContent {
    LayerRange layers;
    bool embedding = false;
    bool head = false;
};

/// Forward of one micro-batch. @param first_of_step its parameters are gathered behind it, where the plan says so
[[nodiscard]] Block forward_block(StageSetting const& setting, ChunkContent const& content, Pricer& pricer,
                                  bool first_of_step);
/// Backward, with what is computed again. @param last_of_step its gradients are summed behind it, where the plan says so
[[nodiscard]] Block backward_block(StageSetting const& setting, ChunkContent const& content, Pricer& pricer,
                                   bool last_of_step);

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

} // namespace moesaic::parallel
