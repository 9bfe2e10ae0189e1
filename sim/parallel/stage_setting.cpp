#include "parallel/stage_setting.hpp"

#include "model/parameters.hpp"
#include "model/weights.hpp"
#include "parallel/expert_split.hpp"

#include <algorithm>
#include <utility>

namespace moesaic::parallel {

model::Shard shard_of(Plan const& plan, ReplicaKind const& kind, StageGroup const& group) {
    return {.tensor = group.tensor,
            .context = kind.context,
            .expert = kind.expert,
            .expert_tensor = kind.expert_tensor,
            .sequence_parallel = group.tensor > 1 && plan.sequence_parallel,
            .context_by_heads = plan.context_exchange == ContextExchange::all_to_all};
}

namespace {

/// Of a group that goes through all workers: the same place in each.
RankSet same_place(RankSet const& all, int workers) {
    return {all.first, all.stride * (all.count / workers), workers};
}

RankSet of_one_worker(RankSet const& all, int workers) {
    return {all.first, all.stride, all.count / workers};
}

} // namespace

StageSetting stage_setting(model::Model const& model, Plan const& plan, StagePlace const& place,
                           std::int64_t sequence_length) {
    auto const& kind = plan.kinds[static_cast<std::size_t>(place.kind)];
    auto groups = groups_of(kind, place);
    std::optional<OuterGroups> outer;
    if (int const workers = plan.local_sgd ? plan.local_sgd->workers : 1; workers > 1) {
        outer = {same_place(groups.data, workers), same_place(groups.expert_data, workers)};
        groups.data = of_one_worker(groups.data, workers);
        groups.expert_data = of_one_worker(groups.expert_data, workers);
    }
    auto part = Part::all;
    std::vector<int> experts;
    auto precision = place.group->precision;
    if (kind.apart) {
        auto const at = static_cast<std::size_t>(place.experts_at.value_or(0));
        part = place.experts_at ? Part::experts : Part::attention;
        if (kind.apart->by_speed) { // to be settled
            experts.assign(static_cast<std::size_t>(model::moe_layers(model)), 0);
        } else {
            auto const split = split_experts(model, kind, *place.group);
            experts = place.experts_at ? split.places[at] : split.attention;
        }
        precision.gemm = place.experts_at ? kind.apart->places[at].precision.gemm : precision.gemm;
    }
    int const held = kind.redundant_experts > 0 && model.moe
                         ? (model.moe->experts + kind.redundant_experts) / kind.expert
                         : 0; // as the degrees say
    return {model,
            plan,
            kind,
            *place.group,
            groups,
            model::LayerShape{.shard = shard_of(plan, kind, *place.group),
                              .precision = precision,
                              .micro_batch = kind.micro_batch,
                              .sequence_length = static_cast<int>(sequence_length),
                              .local_experts = held,
                              .expert_load = kind.expert_imbalance,
                              .fused_attention = plan.fused_attention,
                              .exchange_copies = plan.expert_exchange == ExpertExchange::once_per_node &&
                                                 kind.expert * kind.expert_tensor > 1, // else there is none
                              .fused_gate = plan.fused_gate},
            std::holds_alternative<DualPipe>(plan.schedule) ? 2 : 1,
            outer,
            part,
            std::move(experts)};
}

int experts_of(StageSetting const& s, int layer) {
    if (!model::is_moe_layer(s.model, layer)) {
        return 0;
    }
    return s.part == Part::all ? model::local_experts(*s.model.moe, s.shape)
                               : s.experts[static_cast<std::size_t>(moe_index(s.model, layer))];
}

model::LayerShape shape_of(StageSetting const& s, int layer) {
    auto shape = s.shape;
    if (s.part == Part::all || !model::is_moe_layer(s.model, layer)) {
        return shape;
    }
    int const here = experts_of(s, layer);
    double const senders = static_cast<double>(ranks_of_stage(s.kind, s.group)) / s.kind.apart->groups;
    shape.local_experts = std::max(1, here); // where there are none, nobody asks for their kernels
    shape.expert_load *= senders * here / s.model.moe->experts;
    return shape;
}

LayerWeights weights_of_layer(StageSetting const& s, int layer) {
    int const here = experts_of(s, layer);
    auto const parameters = model::rank_parameters(s.model, layer, s.shape.shard, std::max(1, here));
    return {s.part == Part::experts ? 0.0 : static_cast<double>(parameters.outside_experts()),
            here > 0 ? static_cast<double>(parameters.experts) : 0.0};
}

namespace {

/// The head's stage has the embedding too, be it in another chunk.
bool has_both_ends(StageSetting const& s) {
    return stages_of(s.kind) == 1 || s.copies > 1 || std::holds_alternative<DualPipeV>(s.plan.schedule);
}

} // namespace

bool holds_second_table(StageSetting const& s) {
    return (s.model.tied_embeddings || s.model.mtp_depth > 0) && !has_both_ends(s);
}

LayerWeights weights_of_ends(StageSetting const& s, ChunkContent const& content) {
    auto const& model = s.model;
    auto const& shard = s.shape.shard;
    auto const ends = model::rank_end_parameters(model, shard);
    LayerWeights out;
    auto const head = ends.head + (holds_second_table(s) ? ends.embedding : 0);
    if (s.part != Part::experts) {
        out.dense += content.embedding ? static_cast<double>(ends.embedding + ends.positions) : 0.0;
        out.dense += content.head ? static_cast<double>(head + ends.final_norm) : 0.0;
    }
    if (content.head && model.mtp_depth > 0) {
        auto const layer = weights_of_layer(s, model.layers);
        auto const module = model::mtp_parameters(model);
        auto const extra =
            static_cast<double>(module.projection) / shard.tensor + static_cast<double>(module.norms);
        out.dense += model.mtp_depth * (layer.dense + (s.part == Part::experts ? 0.0 : extra));
        out.expert += model.mtp_depth * layer.expert;
    }
    return out;
}

LayerWeights weights_of_chunk(StageSetting const& s, ChunkContent const& content) {
    auto out = weights_of_ends(s, content);
    for (int layer = content.layers.begin; layer < content.layers.end; ++layer) {
        out += weights_of_layer(s, layer);
    }
    return out;
}

LayerWeights trained_weights_of_layer(StageSetting const& s, int layer) {
    if (!s.plan.adapters) {
        return weights_of_layer(s, layer);
    }
    bool const mixes = model::heads_of(model::mixer_of(s.model, layer)) > 0;
    return {.dense = mixes ? static_cast<double>(model::adapter_weights(s.model, *s.plan.adapters)) : 0.0,
            .expert = 0};
}

LayerWeights trained_weights_of_ends(StageSetting const& s, ChunkContent const& content) {
    if (!s.plan.adapters) {
        return weights_of_ends(s, content);
    }
    int const modules = content.head ? s.model.mtp_depth : 0;
    return {.dense = modules * trained_weights_of_layer(s, s.model.layers).dense, .expert = 0};
}

LayerWeights trained_weights_of_chunk(StageSetting const& s, ChunkContent const& content) {
    auto out = trained_weights_of_ends(s, content);
    for (int layer = content.layers.begin; layer < content.layers.end; ++layer) {
        out += trained_weights_of_layer(s, layer);
    }
    return out;
}

double sharers_of(StageSetting const& s, RankSet const& group) {
    return static_cast<double>(shard_groups(s.plan, group).shard.count * s.copies);
}

double owned_of(StageSetting const& s, LayerWeights const& weights) {
    return s.plan.zero == 0 ? weights.total()
                            : weights.dense / sharers_of(s, s.groups.data) +
                                  weights.expert / sharers_of(s, s.groups.expert_data);
}

} // namespace moesaic::parallel
