#pragma once
#include "base/ids.hpp"
#include "hardware/topology.hpp"
#include "parallel/plan.hpp"
#include "parallel/program.hpp"

#include <vector>

namespace moesaic::parallel {

/// The chips of one pipeline stage of one replica kind: ranks are counted tensor fastest, then replicas
/// (Megatron's order tp-dp-pp, Narayanan et al. SC21, section 3), so that they lie next to each other.
struct StagePlace {
    int kind = 0;
    int stage = 0; ///< of the kind, from 0
    StageGroup const* group = nullptr;
    PoolId pool;
    RankSet ranks; ///< tensor x replicas chips, stride 1
};

/// Stages take the chips of their pool in order: kinds first to last, stages first to last.
/// The plan must outlive the result.
[[nodiscard]] std::vector<StagePlace> place_stages(Plan const& plan, hardware::Topology const& topology);

/// The groups that hold the first rank of the stage.
struct Groups {
    RankSet tensor;
    RankSet data;        ///< ranks with the same part of the dense weights
    RankSet expert;      ///< ranks over which the experts are spread
    RankSet expert_data; ///< ranks with the same experts
    RankSet expert_tensor;
};
[[nodiscard]] Groups groups_of(ReplicaKind const& kind, StagePlace const& place);

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
