#include "parallel/plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesaic::parallel {

std::string_view name_of(Recompute recompute) {
    constexpr std::string_view names[] = {"none",      "pointwise",      "selective",
                                          "operators", "up_projections", "mla_up_proj",
                                          "moe_act",   "full",           "least"};
    return names[static_cast<int>(recompute)];
}

Choices<LayerSplit> const& layer_split_choices() {
    static Choices<LayerSplit> const choices{
        {"even", LayerSplit::even}, {"balanced", LayerSplit::balanced}, {"with_ends", LayerSplit::with_ends}};
    return choices;
}

Choices<ContextExchange> const& context_exchange_choices() {
    static Choices<ContextExchange> const choices{{"ring", ContextExchange::ring},
                                                  {"all_gather", ContextExchange::all_gather}};
    return choices;
}

Choices<LossMemory> const& loss_memory_choices() {
    static Choices<LossMemory> const choices{
        {"softmax", LossMemory::softmax}, {"logits", LossMemory::logits}, {"in_place", LossMemory::in_place}};
    return choices;
}

Choices<TensorOverlap> const& tensor_overlap_choices() {
    static Choices<TensorOverlap> const choices{{"none", TensorOverlap::none},
                                                {"weight_gradients", TensorOverlap::weight_gradients},
                                                {"products", TensorOverlap::products}};
    return choices;
}

Choices<ExpertExchange> const& expert_exchange_choices() {
    static Choices<ExpertExchange> const choices{{"per_expert", ExpertExchange::per_expert},
                                                 {"once_per_node", ExpertExchange::once_per_node}};
    return choices;
}

Choices<int> const& zero_choices() {
    static Choices<int> const choices{{"none", 0}, {"optimizer", 1}, {"gradients", 2}, {"parameters", 3}};
    return choices;
}

Recompute recompute_of(StageGroup const& group, int layer) {
    auto const up_to = [&](int layers) { return std::floor(layers * group.recompute_share + 1e-9); };
    return up_to(layer + 1) > up_to(layer) ? group.recompute : Recompute::none;
}

bool messages_block(Plan const& plan) {
    return std::ranges::any_of(plan.blocking_messages, [&](Schedule const& schedule) {
        return schedule.index() == plan.schedule.index();
    });
}

bool gathers_messages(Plan const& plan, int tensor) {
    return tensor > 1 && !plan.sequence_parallel && !plan.whole_messages;
}

int stages_of(ReplicaKind const& kind) {
    return std::accumulate(kind.stage_groups.begin(), kind.stage_groups.end(), 0,
                           [](int sum, StageGroup const& g) { return sum + g.stages; });
}

int ranks_of_stage(ReplicaKind const& kind, StageGroup const& group) {
    return group.tensor * kind.context * kind.replicas;
}

int expert_ranks_of_stage(ReplicaKind const& kind) {
    int sum = 0;
    if (kind.apart) {
        for (auto const& place : kind.apart->places) {
            sum += place.ranks;
        }
    }
    return sum;
}

int expert_spread(ReplicaKind const& kind) {
    int const ranks = expert_ranks_of_stage(kind) / kind.apart->groups;
    bool const on_attention = std::ranges::any_of(kind.apart->on_attention, [](int n) { return n > 0; });
    return ranks + (on_attention ? ranks_of_stage(kind, kind.stage_groups.front()) / kind.apart->groups : 0);
}

int chips_of(ReplicaKind const& kind) {
    return std::accumulate(
        kind.stage_groups.begin(), kind.stage_groups.end(), 0, [&](int sum, StageGroup const& g) {
            return sum + g.stages * (ranks_of_stage(kind, g) + expert_ranks_of_stage(kind));
        });
}

} // namespace moesaic::parallel
