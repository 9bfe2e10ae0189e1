#pragma once
#include "base/errors.hpp"
#include "model/model.hpp"
#include "model/precision.hpp"
#include "parallel/recompute.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::parallel {

/// Consecutive pipeline stages that are alike and lie on one pool.
struct StageGroup {
    int pool = 0;
    int stages = 1;
    int tensor = 1; ///< tensor parallel degree
    Recompute recompute = Recompute::none;
    /// Of the layers with experts and of the dense ones, that compute again, spread evenly; the others keep everything
    /// (Megatron's block method keeps the last ones of a stage: the same count).
    double recompute_share = 1.0;
    model::Precision precision;
    /// Layers of each stage, or of each part of the model in its order where stages hold several chunks; empty = by
    /// Plan::layer_split over all stages of the replica kind.
    std::vector<int> layers;
    Origin origin;
    Origin tensor_origin{}; ///< where the degree was written
    friend bool operator==(StageGroup const&, StageGroup const&) = default;
};

/// Ranks that hold routed experts and nothing else.
struct ExpertRanks {
    int pool = 0;
    int ranks = 1; ///< of each pipeline stage, over all replicas
    /// Of each rank, by MoE layer of the model, in turn where the list is shorter; empty = see ExpertsApart.
    std::vector<int> experts;
    model::Precision precision; ///< of the products; tokens come and go in the stage's formats
    Origin origin;
    friend bool operator==(ExpertRanks const&, ExpertRanks const&) = default;
};

/// Attention and experts on ranks of their own (HeterMoE, arXiv 2504.03871, section 4.1): a stage's ranks hold all but
/// the routed experts, and send tokens to ranks that hold experts alone.
struct ExpertsApart {
    std::vector<ExpertRanks> places;
    /// Experts that each attention rank holds too, by MoE layer as above (the same, section 4.2); empty = none.
    std::vector<int> on_attention;
    /// Experts per rank by what the chips make of them, see settle_experts(); else those of a place without a number
    /// are what the other places leave, in equal parts.
    bool by_speed = false;
    int groups = 1; ///< equal parts of attention and expert ranks that exchange tokens with each other only
    /// Micro-batches that take turns layer by layer, so that attention works on one while experts work on another.
    int batches_in_turn = 2;
    Origin origin;
    friend bool operator==(ExpertsApart const&, ExpertsApart const&) = default;
};

/// Replicas (copies of the model) that are alike. Experts are spread over `expert` ranks among all ranks of a
/// stage of this kind (tensor x context x replicas), `expert_tensor` ranks share one expert.
struct ReplicaKind {
    std::string name;
    int replicas = 1; ///< data parallel degree of the kind
    int context = 1;  ///< ranks that share a sequence
    int expert = 1;
    int expert_tensor = 1;
    int micro_batch = 1;              ///< sequences
    std::optional<int> micro_batches; ///< per replica and step; none = by speed over the kinds
    double expert_imbalance = 1.0;    ///< rows of the busiest expert rank over the mean
    /// Copies of busy experts beyond one of each, on the ranks of `expert` in equal numbers, with what the routing makes
    /// of them: experts of a rank that others hold too, and how many do.
    int redundant_experts = 0;
    double copied_experts = 0;
    double expert_copies = 1;
    std::optional<ExpertsApart> apart; ///< none = experts on the ranks of attention
    std::vector<StageGroup> stage_groups;
    Origin origin;
    Origin context_origin{}, expert_origin{}, expert_tensor_origin{}; ///< where the degrees were written
    friend bool operator==(ReplicaKind const&, ReplicaKind const&) = default;
};

/// What a layer of the group computes again. @param layer of the model
[[nodiscard]] Recompute recompute_of(StageGroup const& group, model::Model const& model, int layer);

[[nodiscard]] int stages_of(ReplicaKind const& kind);
/// Ranks of one stage of the group: tensor x context x replicas.
[[nodiscard]] int ranks_of_stage(ReplicaKind const& kind, StageGroup const& group);
/// Ranks of one stage that hold experts alone.
[[nodiscard]] int expert_ranks_of_stage(ReplicaKind const& kind);
/// Of a kind with experts apart: ranks over which the experts of a layer are spread once.
[[nodiscard]] int expert_spread(ReplicaKind const& kind);
[[nodiscard]] int chips_of(ReplicaKind const& kind);

} // namespace moesaic::parallel
