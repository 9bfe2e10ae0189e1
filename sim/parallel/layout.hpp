#pragma once
#include "base/ids.hpp"
#include "hardware/topology.hpp"
#include "parallel/plan.hpp"
#include "parallel/program.hpp"

#include <optional>
#include <vector>

namespace moesaic::parallel {

/// The chips of one pipeline stage of one replica kind: ranks are counted tensor fastest, then context, then replicas
/// (Megatron's order tp-cp-ep-dp-pp), so that they lie next to each other.
struct StagePlace {
    int kind = 0;
    int stage = 0; ///< of the kind, from 0
    StageGroup const* group = nullptr;
    PoolId pool;
    RankSet ranks; ///< tensor x context x replicas chips, stride 1
    /// Ranks that hold the stage's experts alone: which of ExpertsApart::places; none = the stage's own ranks.
    std::optional<int> experts_at = std::nullopt;
};

/// Stages take the chips of their pool in order: kinds first to last, stages first to last; then ranks with experts
/// alone: kinds, places, stages. The plan must outlive the result.
[[nodiscard]] std::vector<StagePlace> place_stages(Plan const& plan, hardware::Topology const& topology);

/// The groups that hold the first rank of the stage. Of ranks with experts alone: each holds some of one group's
/// experts (see ExpertsApart::groups), as the rank of its place in each other group does.
struct Groups {
    RankSet tensor;
    RankSet context;     ///< ranks that share a sequence
    RankSet data;        ///< ranks with the same part of the dense weights: context x replicas
    RankSet expert;      ///< ranks over which the experts are spread
    RankSet expert_data; ///< ranks with the same experts
    RankSet expert_tensor;
};
[[nodiscard]] Groups groups_of(ReplicaKind const& kind, StagePlace const& place);

/// A group of ranks with the same weights, parted for sharing: neighbours share, and ranks of the same place in each
/// part hold the same share.
struct ShardGroups {
    RankSet shard;  ///< all of the group where the plan names no smaller one
    RankSet copies; ///< of one share
};
[[nodiscard]] ShardGroups shard_groups(Plan const& plan, RankSet const& group);

/// Layers [begin, end) of the model that a chunk of a stage holds.
struct LayerRange {
    int begin = 0;
    int end = 0;
    [[nodiscard]] int count() const { return end - begin; }
};

/// One entry per virtual stage: chunk x stages + stage, in the order of the model's layers.
/// @throws InputError where the layers do not divide (LayerSplit::even), or the lists do not add up
[[nodiscard]] std::vector<LayerRange> split_layers(Plan const& plan, ReplicaKind const& kind, int layers);

} // namespace moesaic::parallel
