#include "parallel/memory.hpp"

#include "io/unit_text.hpp"
#include "model/layer_operations.hpp"
#include "parallel/layer_blocks.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace moesaic::parallel {

namespace {

/// Elements that a token keeps in attention, divided by what tensor ranks share; the layer's own inputs apart.
double attention_elements(model::Model const& model, Recompute recompute, double tensor) {
    double const heads = model::heads_of(model);
    auto const* gqa = std::get_if<model::Gqa>(&model.attention);
    double const key_heads = gqa ? gqa->kv_heads : heads;
    double const query_key_value =
        heads * model::key_dim(model) + key_heads * (model::key_dim(model) + model::value_dim(model));
    double const out = heads * model::value_dim(model);
    double kept = query_key_value / tensor;
    if (auto const* mla = std::get_if<model::Mla>(&model.attention)) {
        kept +=
            2.0 * (mla->q_lora_rank + mla->kv_lora_rank); // before and after their norms, whole on each rank
    }
    if (recompute == Recompute::none) {
        kept += out / tensor + heads * 2.0 / tensor; // output, and one fp32 statistic per head
    }
    return kept;
}

/// Inner rows of one FFN: gate and up (or up alone), and the activation's output unless it is computed again.
double ffn_elements(model::Model const& model, double inner, Recompute recompute) {
    return inner * ((model.gated_ffn ? 2.0 : 1.0) + (recompute == Recompute::none ? 1.0 : 0.0));
}

double expert_elements(model::Model const& model, Recompute recompute, double expert_tensor) {
    auto const& moe = *model.moe;
    double const copies = moe.topk;
    // tokens as sent to the experts and as they come back, and the experts' inner rows
    return copies * 2.0 * model.hidden +
           copies * ffn_elements(model, moe.expert_ffn, recompute) / expert_tensor + 2.0 * moe.experts;
}

} // namespace

Bytes activation_bytes(model::Model const& model, int layer, ReplicaKind const& kind, StageGroup const& group,
                       std::int64_t sequence_length) {
    double const tensor = group.tensor;
    double const tokens = static_cast<double>(kind.micro_batch * sequence_length);
    double const element = bytes_per_element(group.precision.activations);
    double const input = model.hidden / tensor; // with sequence parallelism each tensor rank keeps its rows
    if (group.recompute == Recompute::full) {
        return Bytes{tokens * element * input};
    }
    double const norms = group.recompute == Recompute::none ? 2.0 : 0.0; // outputs of the two norms
    double elements = (2.0 + norms) * input + attention_elements(model, group.recompute, tensor);
    if (model::is_moe_layer(model, layer)) {
        elements += expert_elements(model, group.recompute, kind.expert_tensor) / tensor;
        elements += ffn_elements(model, model.moe->shared_ffn_total, group.recompute) / tensor;
    } else {
        elements += ffn_elements(model, model.dense_ffn, group.recompute) / tensor;
    }
    return Bytes{tokens * element * elements};
}

RankParameters parameters_of(model::Model const& model, ReplicaKind const& kind, StageGroup const& group,
                             StageLoad const& load) {
    RankParameters out;
    for (std::size_t c = 0; c < load.chunks.size(); ++c) {
        ChunkContent const content{load.chunks[c], load.first && c == 0,
                                   load.last && c + 1 == load.chunks.size()};
        auto const weights = weights_of_chunk(model, shard_of(kind, group), content);
        out.dense += weights.dense;
        out.expert += weights.expert;
    }
    return out;
}

namespace {

/// Largest kept amount of one layer of the stage, whatever is computed again.
Bytes working_layer(model::Model const& model, StagePlace const& place, ReplicaKind const& kind,
                    StageLoad const& load) {
    auto whole = *place.group;
    whole.recompute = Recompute::none;
    Bytes most;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.begin; layer < chunk.end; ++layer) {
            most = std::max(most, activation_bytes(model, layer, kind, whole, load.sequence_length));
        }
    }
    return most;
}

/// The chunk with the largest activations, for each chunk in flight.
Bytes kept_activations(model::Model const& model, StagePlace const& place, ReplicaKind const& kind,
                       StageLoad const& load) {
    Bytes most;
    for (auto const& chunk : load.chunks) {
        Bytes sum;
        for (int layer = chunk.begin; layer < chunk.end; ++layer) {
            sum += activation_bytes(model, layer, kind, *place.group, load.sequence_length);
        }
        most = std::max(most, sum);
    }
    return most * static_cast<double>(load.peak_in_flight);
}

/// Logits of one micro-batch and their gradient in the activations' format, softmax in fp32.
Bytes logits(model::Model const& model, StagePlace const& place, ReplicaKind const& kind,
             StageLoad const& load) {
    double const tokens = static_cast<double>(kind.micro_batch * load.sequence_length);
    double const element = bytes_per_element(place.group->precision.activations);
    return load.last ? Bytes{tokens * model.vocab / place.group->tensor * (2.0 * element + 4.0)} : Bytes{};
}

/// Send and receive buffers of the largest exchange: gathered rows, or token copies there and back.
Bytes exchange_buffers(model::Model const& model, Plan const& plan, StagePlace const& place,
                       ReplicaKind const& kind, StageLoad const& load) {
    double const tokens = static_cast<double>(kind.micro_batch * load.sequence_length);
    double const element = bytes_per_element(place.group->precision.activations);
    double const gathered = place.group->tensor > 1 ? tokens * model.hidden * element : 0.0;
    double const copies = model.moe && kind.expert > 1
                              ? 2.0 * tokens / place.group->tensor * model.moe->topk * plan.expert_imbalance *
                                    model.hidden * element
                              : 0.0;
    return Bytes{std::max(gathered, copies)};
}

} // namespace

MemoryParts memory_of(model::Model const& model, Plan const& plan, StagePlace const& place,
                      StageLoad const& load) {
    auto const& kind = plan.kinds[static_cast<std::size_t>(place.kind)];
    auto const groups = groups_of(kind, place);
    auto const parameters = parameters_of(model, kind, *place.group, load);
    double const all = parameters.dense + parameters.expert;
    double const owned = plan.zero > 0 ? parameters.dense / static_cast<double>(groups.data.count) +
                                             parameters.expert / static_cast<double>(groups.expert_data.count)
                                       : all;
    constexpr double adam_state = 12.0; // fp32 master weight and two moments
    MemoryParts out;
    out.weights = Bytes{all * bytes_per_element(place.group->precision.activations)};
    out.gradients = Bytes{all * bytes_per_element(plan.gradient)};
    out.optimizer = Bytes{owned * adam_state};
    out.activations = kept_activations(model, place, kind, load);
    if (place.group->recompute != Recompute::none) {
        out.buffers += working_layer(model, place, kind, load);
    }
    out.buffers += logits(model, place, kind, load) + exchange_buffers(model, plan, place, kind, load);
    out.reserve = plan.memory_reserve;
    return out;
}

namespace {

std::string largest_parts(MemoryParts const& parts) {
    std::array<std::pair<Bytes, std::string_view>, 6> named{{{parts.weights, "weights"},
                                                             {parts.gradients, "gradients"},
                                                             {parts.optimizer, "optimizer"},
                                                             {parts.activations, "activations"},
                                                             {parts.buffers, "buffers"},
                                                             {parts.reserve, "reserve"}}};
    std::ranges::sort(named, std::greater{}, [](auto const& part) { return part.first; });
    return fmt::format("{} {}, {} {}, {} {}", named[0].second, io::text_of(named[0].first), named[1].second,
                       io::text_of(named[1].first), named[2].second, io::text_of(named[2].first));
}

} // namespace

std::optional<std::string> misfit(std::vector<ClassMemory> const& classes) {
    auto const lack = [](ClassMemory const& c) { return c.parts.total() - c.capacity; };
    auto const worst = std::ranges::max_element(classes, {}, lack);
    if (worst == classes.end() || worst->fits()) {
        return std::nullopt;
    }
    return fmt::format("does not fit: {} on {} needs {} of {} (largest: {})", worst->name, worst->chip,
                       io::text_of(worst->parts.total()), io::text_of(worst->capacity),
                       largest_parts(worst->parts));
}

} // namespace moesaic::parallel
