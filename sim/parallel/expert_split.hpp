#pragma once
#include "model/model.hpp"
#include "parallel/plan.hpp"

#include <vector>

namespace moesaic::parallel {

/// Experts of one rank, by MoE layer of the model.
struct ExpertSplit {
    std::vector<int> attention;           ///< of each attention rank; 0 = none
    std::vector<std::vector<int>> places; ///< of each rank of a place
};

/// How the experts of a stage of the group are spread over the ranks that hold experts: numbers as the plan has them,
/// what they leave in equal parts over the places without one.
/// @throws InputError where the experts of a layer do not come out
[[nodiscard]] ExpertSplit split_experts(model::Model const& model, ReplicaKind const& kind,
                                        StageGroup const& group);

/// Place of a layer among the MoE layers; MTP layers count as the last one.
[[nodiscard]] int moe_index(model::Model const& model, int layer);

} // namespace moesaic::parallel
