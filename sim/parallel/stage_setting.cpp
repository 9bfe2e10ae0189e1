#include "parallel/stage_setting.hpp"

#include "model/parameters.hpp"

namespace moesaic::parallel {

model::Shard shard_of(Plan const& plan, ReplicaKind const& kind, StageGroup const& group) {
    return {.tensor = group.tensor,
            .context = kind.context,
            .expert = kind.expert,
            .expert_tensor = kind.expert_tensor,
            .sequence_parallel = group.tensor > 1 && plan.sequence_parallel};
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
    return {model,
            plan,
            kind,
            *place.group,
            groups,
            model::LayerShape{.shard = shard_of(plan, kind, *place.group),
                              .precision = place.group->precision,
                              .micro_batch = kind.micro_batch,
                              .sequence_length = static_cast<int>(sequence_length),
                              .expert_load = kind.expert_imbalance,
                              .fused_attention = plan.fused_attention,
                              .exchange_copies = plan.expert_exchange == ExpertExchange::once_per_node,
                              .fused_gate = plan.fused_gate},
            std::holds_alternative<DualPipe>(plan.schedule) ? 2 : 1,
            outer};
}

LayerWeights weights_of_layer(model::Model const& model, model::Shard const& shard, int layer) {
    auto const parameters = model::rank_parameters(model, layer, shard);
    return {static_cast<double>(parameters.outside_experts()), static_cast<double>(parameters.experts)};
}

LayerWeights weights_of_ends(model::Model const& model, model::Shard const& shard,
                             ChunkContent const& content) {
    auto const ends = model::rank_end_parameters(model, shard);
    LayerWeights out;
    // a tied head is a second copy of the embedding where first and last stage differ
    auto const head = ends.head > 0 || content.embedding ? ends.head : ends.embedding;
    out.dense += content.embedding ? static_cast<double>(ends.embedding + ends.positions) : 0.0;
    out.dense += content.head ? static_cast<double>(head + ends.final_norm) : 0.0;
    if (content.head && model.mtp_depth > 0) {
        auto const layer = weights_of_layer(model, shard, model.layers);
        auto const module = model::mtp_parameters(model);
        auto const extra =
            static_cast<double>(module.projection) / shard.tensor + static_cast<double>(module.norms);
        out.dense += model.mtp_depth * (layer.dense + extra);
        out.expert += model.mtp_depth * layer.expert;
    }
    return out;
}

LayerWeights weights_of_chunk(model::Model const& model, model::Shard const& shard,
                              ChunkContent const& content) {
    auto out = weights_of_ends(model, shard, content);
    for (int layer = content.layers.begin; layer < content.layers.end; ++layer) {
        auto const weights = weights_of_layer(model, shard, layer);
        out.dense += weights.dense;
        out.expert += weights.expert;
    }
    return out;
}

LayerWeights trained_weights_of_layer(StageSetting const& s, int layer) {
    if (!s.plan.adapters) {
        return weights_of_layer(s.model, s.shape.shard, layer);
    }
    return {.dense = 4.0 * *s.plan.adapters * s.model.hidden, .expert = 0};
}

LayerWeights trained_weights_of_ends(StageSetting const& s, ChunkContent const& content) {
    return s.plan.adapters ? LayerWeights{} : weights_of_ends(s.model, s.shape.shard, content);
}

LayerWeights trained_weights_of_chunk(StageSetting const& s, ChunkContent const& content) {
    auto out = trained_weights_of_ends(s, content);
    for (int layer = content.layers.begin; layer < content.layers.end; ++layer) {
        auto const weights = trained_weights_of_layer(s, layer);
        out.dense += weights.dense;
        out.expert += weights.expert;
    }
    return out;
}

} // namespace moesaic::parallel
