#include "parallel/memory.hpp"

#include "io/unit_text.hpp"
#include "model/layer_operations.hpp"
#include "parallel/context_attention.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace moesaic::parallel {

namespace {

bool again(Recompute recompute, Recompute what) {
    return recompute == what || recompute == Recompute::operators;
}

/// Elements that a token keeps in attention, divided by what tensor ranks share; the layer's own inputs apart.
double attention_elements(model::Model const& model, Recompute recompute, double tensor) {
    double const heads = model::heads_of(model);
    auto const* gqa = std::get_if<model::Gqa>(&model.attention);
    double const key_heads = gqa ? gqa->kv_heads : heads;
    double const query_key_value =
        heads * model::key_dim(model) + key_heads * (model::key_dim(model) + model::value_dim(model));
    double const products = recompute == Recompute::operators ? 0.5 : 1.0; // of two, the second runs again
    double kept = products * query_key_value / tensor + heads * model::value_dim(model) / tensor;
    if (auto const* mla = std::get_if<model::Mla>(&model.attention)) {
        kept +=
            2.0 * (mla->q_lora_rank + mla->kv_lora_rank); // before and after their norms, whole on each rank
    }
    if (recompute != Recompute::selective) {
        kept += heads * 2.0 / tensor; // one fp32 statistic per head
    }
    return kept;
}

/// Bytes of a token's attention maps: softmax in 16 bit; with dropout its mask and what it leaves.
double map_bytes(StageSetting const& s, Recompute recompute) {
    if (s.plan.fused_attention || recompute == Recompute::selective) {
        return 0.0;
    }
    double const cells =
        static_cast<double>(model::heads_of(s.model)) / s.group.tensor * s.shape.sequence_length;
    return cells * (s.model.dropout ? 5.0 : 2.0);
}

/// Inner rows of one FFN: gate and up (or up alone), and the activation's output unless it is computed again.
double ffn_elements(model::Model const& model, double inner, Recompute recompute) {
    double const products = recompute == Recompute::operators ? 0.5 : 1.0;
    double const activation = again(recompute, Recompute::pointwise) ? 0.0 : 1.0;
    return inner * ((model.gated_ffn ? 2.0 : 1.0) * products + activation);
}

double expert_elements(model::Model const& model, Recompute recompute, double expert_tensor) {
    auto const& moe = *model.moe;
    double const copies = moe.topk;
    // tokens as sent to the experts and as they come back, and the experts' inner rows
    return copies * 2.0 * model.hidden +
           copies * ffn_elements(model, moe.expert_ffn, recompute) / expert_tensor + 2.0 * moe.experts;
}

} // namespace

Bytes activation_bytes(StageSetting const& s, int layer, Recompute recompute) {
    auto const& model = s.model;
    double const tensor = s.group.tensor;
    double const tokens = static_cast<double>(model::group_rows(s.shape));
    double const element = bytes_per_element(s.group.precision.activations);
    double const own =
        s.shape.shard.sequence_parallel ? tensor : 1.0; // ranks that share rows between the blocks
    if (recompute == Recompute::full) {
        return Bytes{tokens * element * model.hidden / own};
    }
    double const norms = again(recompute, Recompute::pointwise) ? 0.0 : 2.0; // outputs of the two norms
    double elements = (2.0 + norms) * model.hidden / own + attention_elements(model, recompute, tensor);
    if (model::is_moe_layer(model, layer)) {
        elements += expert_elements(model, recompute, s.kind.expert_tensor) / tensor;
        elements += ffn_elements(model, model.moe->shared_ffn_total, recompute) / tensor;
    } else {
        elements += ffn_elements(model, model.dense_ffn, recompute) / tensor;
    }
    double const masks = model.dropout ? 2.0 * model.hidden / own : 0.0; // one byte each
    return Bytes{tokens * (element * elements + masks + map_bytes(s, recompute))};
}

namespace {

/// Largest kept amount of one layer of the stage, whatever is computed again.
Bytes working_layer(StageSetting const& s, StageLoad const& load) {
    Bytes most;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.begin; layer < chunk.end; ++layer) {
            most = std::max(most, activation_bytes(s, layer, Recompute::none));
        }
    }
    return most;
}

/// The chunk with the largest activations, for each chunk in flight.
Bytes kept_activations(StageSetting const& s, StageLoad const& load) {
    Bytes most;
    for (auto const& chunk : load.chunks) {
        Bytes sum;
        for (int layer = chunk.begin; layer < chunk.end; ++layer) {
            sum += activation_bytes(s, layer, s.group.recompute);
        }
        most = std::max(most, sum);
    }
    return most * static_cast<double>(load.peak_in_flight);
}

/// Logits of one micro-batch and their gradient in the activations' format, softmax in fp32.
Bytes logits(StageSetting const& s, StageLoad const& load) {
    double const rows = static_cast<double>(model::group_rows(s.shape));
    double const element = bytes_per_element(s.group.precision.activations);
    return load.last ? Bytes{rows * s.model.vocab / s.group.tensor * (2.0 * element + 4.0)} : Bytes{};
}

/// Send and receive buffers of the largest exchange: gathered rows, token copies there and back, or keys and values.
Bytes exchange_buffers(StageSetting const& s) {
    double const rows = static_cast<double>(model::group_rows(s.shape));
    double const element = bytes_per_element(s.group.precision.activations);
    double const gathered = s.group.tensor > 1 ? rows * s.model.hidden * element : 0.0;
    double const copies = s.model.moe && s.kind.expert > 1
                              ? 2.0 * rows / s.group.tensor * s.model.moe->topk * s.plan.expert_imbalance *
                                    s.model.hidden * element
                              : 0.0;
    double const keys = s.kind.context > 1 ? 2.0 * key_value_bytes(s).value() : 0.0;
    return Bytes{std::max({gathered, copies, keys})};
}

/// Where parameters are shared out: the layer at work and the next one, gathered; and the ends, which stay.
double gathered_parameters(StageSetting const& s, StageLoad const& load) {
    double most = 0;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.begin; layer < chunk.end; ++layer) {
            auto const weights = weights_of_layer(s.model, s.shape.shard, layer);
            most = std::max(most, weights.dense + weights.expert);
        }
    }
    ChunkContent const ends{{0, 0}, load.first, load.last};
    auto const weights = weights_of_ends(s.model, s.shape.shard, ends);
    return 2.0 * most + weights.dense + weights.expert;
}

/// Of parameters by how their group shares them.
double owned(StageSetting const& s, LayerWeights const& weights) {
    auto const sharers = [&](RankSet const& group) {
        return static_cast<double>(shard_groups(s.plan, group).shard.count);
    };
    return weights.dense / sharers(s.groups.data) + weights.expert / sharers(s.groups.expert_data);
}

/// Weights, gradients and optimizer state.
void add_states(StageSetting const& s, StageLoad const& load, MemoryParts& out) {
    LayerWeights held, trained;
    for (std::size_t c = 0; c < load.chunks.size(); ++c) {
        ChunkContent const content{load.chunks[c], load.first && c == 0,
                                   load.last && c + 1 == load.chunks.size()};
        auto const all = weights_of_chunk(s.model, s.shape.shard, content);
        auto const part = trained_weights_of_chunk(s, content);
        held = {held.dense + all.dense, held.expert + all.expert};
        trained = {trained.dense + part.dense, trained.expert + part.expert};
    }
    auto const shared_from = [&](int stage, LayerWeights const& weights) {
        return s.plan.zero >= stage ? owned(s, weights) : weights.dense + weights.expert;
    };
    constexpr double adam_state = 12.0; // fp32 master weight and two moments
    double const weight = bytes_per_element(s.group.precision.activations);
    double const gradient = bytes_per_element(s.plan.gradient);
    out.weights = Bytes{shared_from(3, held) * weight};
    out.gradients = Bytes{shared_from(2, trained) * gradient};
    out.optimizer = Bytes{shared_from(1, trained) * adam_state};
    if (s.plan.zero == 3) {
        out.buffers += Bytes{gathered_parameters(s, load) * (weight + gradient)};
    }
}

} // namespace

MemoryParts memory_of(StageSetting const& s, StageLoad const& load) {
    MemoryParts out;
    add_states(s, load, out);
    out.activations = kept_activations(s, load);
    if (s.group.recompute != Recompute::none) {
        out.buffers += working_layer(s, load);
    }
    out.buffers += logits(s, load) + exchange_buffers(s);
    out.reserve = s.plan.memory_reserve;
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
