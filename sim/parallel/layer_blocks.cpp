#include "parallel/layer_blocks.hpp"

#include "model/parameters.hpp"

#include <algorithm>
#include <array>

namespace moesaic::parallel {

using timing::CollectiveKind;

namespace {

constexpr std::string_view again = "recompute ";

/// Sends of one layer, in both directions; bytes as Collective::bytes wants them.
class Traffic {
  public:
    Traffic(StageSetting const& setting, BlockBuilder& to) : s_{setting}, to_{to} {}

    /// Rows of the tensor ranks to all of them. @param columns of a row
    void tensor_gather(int columns, std::string role) const {
        to_.collective(Stream::tensor,
                       {CollectiveKind::all_gather, rows(columns), s_.groups.tensor, std::move(role)});
    }
    void tensor_scatter(int columns, std::string role) const {
        to_.collective(Stream::tensor,
                       {CollectiveKind::reduce_scatter, rows(columns), s_.groups.tensor, std::move(role)});
    }
    /// Token copies to the ranks of their experts, or back. The busiest rank decides.
    void exchange(Dtype format, std::string role) const {
        auto const copies =
            model::dispatched_tokens(s_.shape) * s_.model.moe->topk * s_.plan.expert_imbalance;
        to_.collective(Stream::expert, {CollectiveKind::all_to_all,
                                        Bytes{copies * s_.model.hidden * bytes_per_element(format)},
                                        s_.groups.expert, std::move(role)});
    }
    void expert_tensor_gather(std::string role) const {
        to_.collective(Stream::tensor,
                       {CollectiveKind::all_gather, expert_rows(), s_.groups.expert_tensor, std::move(role)});
    }
    void expert_tensor_scatter(std::string role) const {
        to_.collective(Stream::tensor, {CollectiveKind::reduce_scatter, expert_rows(),
                                        s_.groups.expert_tensor, std::move(role)});
    }

  private:
    [[nodiscard]] double element() const { return bytes_per_element(s_.shape.precision.activations); }
    [[nodiscard]] Bytes rows(int columns) const {
        return Bytes{static_cast<double>(model::group_rows(s_.shape)) * columns * element()};
    }
    [[nodiscard]] Bytes expert_rows() const {
        return Bytes{model::expert_rows(*s_.model.moe, s_.shape) * s_.model.hidden * element()};
    }

    StageSetting const& s_;
    BlockBuilder& to_;
};

void forward_experts(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                     std::string_view prefix) {
    Traffic const traffic{s, to};
    auto const shared = [&] {
        if (!ops.shared.empty()) {
            traffic.tensor_gather(s.model.hidden, "shared expert");
            to.compute(ops.shared, prefix);
            traffic.tensor_scatter(s.model.hidden, "shared expert");
        }
    };
    to.compute(ops.pre_dispatch, prefix);
    auto const routed = to.tail();
    traffic.exchange(s.shape.precision.dispatch, "dispatch");
    if (s.plan.overlap_shared_experts && !ops.shared.empty()) {
        auto const arrived = to.tail();
        to.continue_from(routed);
        shared();
        to.wait_for(arrived);
    }
    traffic.expert_tensor_gather("expert rows");
    to.compute(ops.experts, prefix);
    traffic.expert_tensor_scatter("expert rows");
    traffic.exchange(s.shape.precision.activations, "combine");
    if (!s.plan.overlap_shared_experts) {
        shared();
    }
    to.compute(ops.post_combine, prefix);
}

void forward_layer(StageSetting const& s, int layer, BlockBuilder& to, std::string_view prefix = {}) {
    Traffic const traffic{s, to};
    auto const ops = model::layer_operations(s.model, layer, s.shape);
    to.compute(ops.attention_norm, prefix);
    traffic.tensor_gather(model::gathered_columns(s.model), "attention");
    to.compute(ops.attention, prefix);
    traffic.tensor_scatter(s.model.hidden, "attention");
    to.compute(ops.attention_residual, prefix);
    if (model::is_moe_layer(s.model, layer)) {
        forward_experts(s, ops, to, prefix);
        return;
    }
    to.compute(ops.ffn_norm, prefix);
    traffic.tensor_gather(s.model.hidden, "ffn");
    to.compute(ops.ffn, prefix);
    traffic.tensor_scatter(s.model.hidden, "ffn");
    to.compute(ops.ffn_residual, prefix);
}

void backward_ops(model::Operations const& forward, BlockBuilder& to) {
    auto const back = model::backward_of(forward);
    to.compute(back.input_gradient);
    to.compute(back.weight_gradient);
}

void backward_experts(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to) {
    Traffic const traffic{s, to};
    backward_ops(ops.post_combine, to);
    if (!ops.shared.empty()) {
        traffic.tensor_gather(s.model.hidden, "shared expert gradient");
        backward_ops(ops.shared, to);
        traffic.tensor_scatter(s.model.hidden, "shared expert gradient");
    }
    traffic.exchange(s.shape.precision.activations, "combine gradient");
    traffic.expert_tensor_gather("expert rows gradient");
    backward_ops(ops.experts, to);
    traffic.expert_tensor_scatter("expert rows gradient");
    traffic.exchange(s.shape.precision.activations, "dispatch gradient");
    backward_ops(ops.pre_dispatch, to);
}

/// The kernels that selective recomputation runs again.
void recompute_selected(model::LayerOperations const& ops, BlockBuilder& to) {
    using enum model::OpKind;
    constexpr std::array selected{attention, mla_attention, rmsnorm, layernorm, gated_activation, gelu};
    for (auto const* part : {&ops.attention_norm, &ops.attention, &ops.ffn_norm, &ops.ffn, &ops.pre_dispatch,
                             &ops.experts, &ops.shared}) {
        model::Operations chosen;
        std::ranges::copy_if(*part, std::back_inserter(chosen), [&](auto const& op) {
            return std::ranges::find(selected, op.kind) != selected.end();
        });
        to.compute(chosen, again);
    }
}

void backward_layer(StageSetting const& s, int layer, BlockBuilder& to) {
    Traffic const traffic{s, to};
    auto const ops = model::layer_operations(s.model, layer, s.shape);
    if (s.group.recompute == Recompute::full) {
        forward_layer(s, layer, to, again);
    } else if (s.group.recompute == Recompute::selective) {
        recompute_selected(ops, to);
    }
    if (model::is_moe_layer(s.model, layer)) {
        backward_experts(s, ops, to);
    } else {
        backward_ops(ops.ffn_residual, to);
        traffic.tensor_gather(s.model.hidden, "ffn gradient");
        backward_ops(ops.ffn, to);
        traffic.tensor_scatter(s.model.hidden, "ffn gradient");
        backward_ops(ops.ffn_norm, to);
    }
    backward_ops(ops.attention_residual, to);
    traffic.tensor_gather(s.model.hidden, "attention gradient");
    backward_ops(ops.attention, to);
    traffic.tensor_scatter(model::gathered_columns(s.model), "attention gradient");
    backward_ops(ops.attention_norm, to);
}

/// Final norm, head and loss; then one layer and one more head per MTP module (DeepSeek-V3, section 2.2).
void forward_head(StageSetting const& s, BlockBuilder& to) {
    Traffic const traffic{s, to};
    for (int module = 0; module <= s.model.mtp_depth; ++module) {
        if (module > 0) {
            to.compute(model::mtp_operations(s.model, s.shape));
            forward_layer(s, s.model.layers - 1 + module, to);
        }
        to.compute(model::final_norm_operations(s.model, s.shape));
        traffic.tensor_gather(s.model.hidden, "head");
        to.compute(model::head_operations(s.model, s.shape));
    }
}

void backward_head(StageSetting const& s, BlockBuilder& to) {
    Traffic const traffic{s, to};
    for (int module = s.model.mtp_depth; module >= 0; --module) {
        backward_ops(model::head_operations(s.model, s.shape), to);
        traffic.tensor_scatter(s.model.hidden, "head gradient");
        backward_ops(model::final_norm_operations(s.model, s.shape), to);
        if (module > 0) {
            backward_layer(s, s.model.layers - 1 + module, to);
            backward_ops(model::mtp_operations(s.model, s.shape), to);
        }
    }
}

CollectiveKind gradient_sum(Plan const& plan) {
    return plan.zero > 0 ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce;
}

void sum_gradients(StageSetting const& s, LayerWeights const& weights, BlockBuilder& to) {
    auto const bytes = [&](double parameters) {
        return Bytes{parameters * bytes_per_element(s.plan.gradient)};
    };
    to.detached(Stream::data, {gradient_sum(s.plan), bytes(weights.dense), s.groups.data, "gradients"});
    if (weights.expert > 0) {
        to.detached(Stream::data,
                    {gradient_sum(s.plan), bytes(weights.expert), s.groups.expert_data, "expert gradients"});
    }
}

/// Gathers of updated parameters that run behind the first forward: one pair per layer, in order.
struct Arrival {
    std::optional<int> dense, expert;
};
Arrival gather_parameters(StageSetting const& s, LayerWeights const& weights, BlockBuilder& to) {
    auto const bytes = [&](double parameters) {
        return Bytes{parameters * bytes_per_element(s.shape.precision.activations)};
    };
    Arrival out;
    out.dense = to.from_start(
        Stream::data, {CollectiveKind::all_gather, bytes(weights.dense), s.groups.data, "parameters"});
    if (weights.expert > 0) {
        out.expert = to.from_start(Stream::data, {CollectiveKind::all_gather, bytes(weights.expert),
                                                  s.groups.expert_data, "expert parameters"});
    }
    return out;
}

} // namespace

model::Shard shard_of(ReplicaKind const& kind, StageGroup const& group) {
    return {.tensor = group.tensor,
            .context = 1,
            .expert = kind.expert,
            .expert_tensor = kind.expert_tensor,
            .sequence_parallel = group.tensor > 1};
}

StageSetting stage_setting(model::Model const& model, Plan const& plan, StagePlace const& place,
                           std::int64_t sequence_length) {
    auto const& kind = plan.kinds[static_cast<std::size_t>(place.kind)];
    return {model,
            plan,
            kind,
            *place.group,
            groups_of(kind, place),
            model::LayerShape{.shard = shard_of(kind, *place.group),
                              .precision = place.group->precision,
                              .micro_batch = kind.micro_batch,
                              .sequence_length = static_cast<int>(sequence_length),
                              .expert_load = plan.expert_imbalance}};
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

Block forward_block(StageSetting const& s, ChunkContent const& content, Pricer& pricer, bool first_of_step) {
    BlockBuilder to{pricer};
    bool const gathers = first_of_step && s.plan.zero > 0 && s.plan.overlap_parameters;
    auto const& shard = s.shape.shard;
    auto const gather_ends = [&] {
        return gather_parameters(s, weights_of_ends(s.model, shard, content), to);
    };
    Arrival ends;
    std::vector<Arrival> layers(static_cast<std::size_t>(content.layers.count()));
    if (gathers) { // in the order of use
        ends = content.embedding ? gather_ends() : ends;
        for (int i = 0; i < content.layers.count(); ++i) {
            layers[static_cast<std::size_t>(i)] =
                gather_parameters(s, weights_of_layer(s.model, shard, content.layers.begin + i), to);
        }
        ends = content.head && !content.embedding ? gather_ends() : ends;
    }
    if (content.embedding) {
        to.wait_for(ends.dense);
        to.compute(model::embedding_operations(s.model, s.shape));
    }
    for (int i = 0; i < content.layers.count(); ++i) {
        to.wait_for(layers[static_cast<std::size_t>(i)].dense);
        to.wait_for(layers[static_cast<std::size_t>(i)].expert);
        forward_layer(s, content.layers.begin + i, to);
    }
    if (content.head) {
        to.wait_for(ends.dense);
        to.wait_for(ends.expert);
        forward_head(s, to);
    }
    return {first_of_step ? "forward, first" : "forward", Phase::forward, to.take()};
}

Block backward_block(StageSetting const& s, ChunkContent const& content, Pricer& pricer, bool last_of_step) {
    BlockBuilder to{pricer};
    bool const sums = last_of_step && s.plan.overlap_gradients;
    auto const& shard = s.shape.shard;
    if (content.head) {
        backward_head(s, to);
    }
    for (int layer = content.layers.end - 1; layer >= content.layers.begin; --layer) {
        backward_layer(s, layer, to);
        if (sums) {
            sum_gradients(s, weights_of_layer(s.model, shard, layer), to);
        }
    }
    if (content.embedding) {
        backward_ops(model::embedding_operations(s.model, s.shape), to);
    }
    if (sums && (content.embedding || content.head)) {
        sum_gradients(s, weights_of_ends(s.model, shard, content), to);
    }
    return {last_of_step ? "backward, last" : "backward", Phase::backward, to.take()};
}

} // namespace moesaic::parallel
