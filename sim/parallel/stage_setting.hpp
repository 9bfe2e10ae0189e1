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

/// What a rank holds of the layers of its stage.
enum class Part {
    all,
    attention, ///< all but the routed experts, and some of these where the plan says so (ExpertsApart)
    experts    ///< routed experts alone
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
    Part part = Part::all;
    std::vector<int> experts; ///< of this rank by MoE layer, where experts lie apart
};

/// Routed experts of a layer that the rank holds; 0 in a dense layer.
[[nodiscard]] int experts_of(StageSetting const& setting, int layer);
/// The shape of one layer: as the stage's, but where experts lie apart the rank's experts and rows are those of the
/// layer. Rows over those of an attention rank: (attention ranks of a group) x (experts here) / (experts of the layer).
[[nodiscard]] model::LayerShape shape_of(StageSetting const& setting, int layer);

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
    [[nodiscard]] double total() const { return dense + expert; }
    LayerWeights& operator+=(LayerWeights const& other) {
        dense += other.dense;
        expert += other.expert;
        return *this;
    }
};
[[nodiscard]] LayerWeights weights_of_layer(StageSetting const& setting, int layer);
/// The head's stage holds the token table a second time, away from the embedding's: as a head that is tied to it, or for
/// the MTP modules, which look tokens up (Megatron-Core builds it where pre_process or mtp_process).
[[nodiscard]] bool holds_second_table(StageSetting const& setting);
/// Embedding and head with their norms, as far as the chunk holds them; MTP modules with the head.
[[nodiscard]] LayerWeights weights_of_ends(StageSetting const& setting, ChunkContent const& content);
[[nodiscard]] LayerWeights weights_of_chunk(StageSetting const& setting, ChunkContent const& content);
/// What of these is trained: all, or the adapters alone (two products of low rank per layer).
[[nodiscard]] LayerWeights trained_weights_of_layer(StageSetting const& setting, int layer);
[[nodiscard]] LayerWeights trained_weights_of_ends(StageSetting const& setting, ChunkContent const& content);
[[nodiscard]] LayerWeights trained_weights_of_chunk(StageSetting const& setting, ChunkContent const& content);

/// Ranks that share what all of the group hold, see shard_groups() and StageSetting::copies.
[[nodiscard]] double sharers_of(StageSetting const& setting, RankSet const& group);
/// Of these parameters, how many the rank owns: all where nothing is shared out (Plan::zero).
[[nodiscard]] double owned_of(StageSetting const& setting, LayerWeights const& weights);

} // namespace moesaic::parallel
