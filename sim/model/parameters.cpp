#include "model/parameters.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "model/weights.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace moesaic::model {

namespace {

/// A gain per column, and a shift for layernorm.
std::int64_t norm_parameters(Model const& model, std::int64_t columns) {
    return columns * (model.norm == Norm::layernorm ? 2 : 1);
}

/// What linear attention has per head beside its projections: a first decay and its scale, where a token changes it; without the delta
/// rule (Mamba-2) what goes round it, and gains of each head's own behind it.
std::int64_t head_parameters(LinearAttention const& a) {
    int const per_head = a.decay == Decay::fixed ? 0 : a.delta_rule ? 2 : 3;
    return std::int64_t{per_head} * a.heads;
}
std::int64_t gains_behind(LinearAttention const& a) {
    return std::int64_t{a.delta_rule ? 1 : a.heads} * a.value_dim;
}

std::int64_t layer_norms(Model const& model, int layer) {
    std::int64_t const around_blocks =
        norm_parameters(model, model.hidden) * blocks_of(model, layer) * (model.sandwich_norm ? 2 : 1);
    std::int64_t const inside = std::visit(
        overloaded{[](std::monostate) { return std::int64_t{0}; },
                   [&](Gqa const& a) { return a.qk_norm ? 2 * norm_parameters(model, a.head_dim) : 0; },
                   [&](Mla const& a) { return norm_parameters(model, a.q_lora_rank + a.kv_lora_rank); },
                   [&](LinearAttention const& a) {
                       return (a.qk_norm ? 2 * norm_parameters(model, a.key_dim) : 0) +
                              (a.output_gate ? gains_behind(a) : 0) + head_parameters(a);
                   }},
        mixer_of(model, layer));
    return around_blocks + inside;
}

/// @param heads, kv_heads of the rank
std::int64_t attention_biases(Model const& model, Mixer const& mixer, int heads, int kv_heads) {
    auto const* const gqa = std::get_if<Gqa>(&mixer);
    if (!gqa && !std::holds_alternative<Mla>(mixer)) {
        return 0;
    }
    bool const on_qkv = model.biases || (gqa != nullptr && gqa->qkv_bias);
    std::int64_t const qkv =
        gqa != nullptr ? static_cast<std::int64_t>(heads + 2 * kv_heads) * gqa->head_dim : 0;
    return (on_qkv ? qkv : 0) + (model.biases ? model.hidden : 0);
}

std::int64_t ffn_parameters(Model const& model, int columns, int inner) {
    std::int64_t const biases =
        model.biases ? static_cast<std::int64_t>(model.gated_ffn ? 2 : 1) * inner + columns : 0;
    return ffn_weights(model, columns, inner) + biases;
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

LayerParameters divided_layer(Model const& model, int layer, Shard const& shard, int local_experts) {
    auto const mixer = mixer_of(model, layer);
    int const heads = heads_of(mixer) / shard.tensor;
    int const kv_heads = std::max(1, kv_heads_of(mixer) / shard.tensor);
    auto const attention = attention_weights(mixer, model.hidden, heads, kv_heads);
    LayerParameters out{.attention = attention.split + attention_biases(model, mixer, heads, kv_heads),
                        .replicated = attention.replicated,
                        .norms = layer_norms(model, layer)};
    if (has_dense_ffn(model, layer)) {
        out.dense_ffn = ffn_parameters(model, model.hidden, model.dense_ffn / shard.tensor);
    }
    if (!is_moe_layer(model, layer)) {
        return out;
    }
    auto const& moe = *model.moe;
    out.dense_ffn = moe.shared_ffn_total > 0
                        ? ffn_parameters(model, model.hidden, moe.shared_ffn_total / shard.tensor)
                        : 0;
    out.router = static_cast<std::int64_t>(model.hidden) * moe.experts + latent_weights(model);
    out.experts =
        local_experts * ffn_parameters(model, expert_columns(model), moe.expert_ffn / shard.expert_tensor);
    return out;
}

} // namespace

namespace {

int mixer_tensors(Mixer const& mixer) {
    return std::visit(
        overloaded{[](std::monostate) { return 0; },
                   [](Gqa const& a) { return a.qk_norm ? 6 : 4; }, // queries, keys, values, out; norms
                   // down and up with a norm between, for queries where they are compressed; out
                   [](Mla const& a) { return (a.q_lora_rank > 0 ? 3 : 1) + 3 + 1; },
                   [](LinearAttention const& a) { // in, out; then each where there is one
                       return 2 + (a.convolution > 0 ? 1 : 0) + (a.decay == Decay::fixed ? 0 : 2) +
                              (a.decay_rank > 0 ? 2 : 0) + (a.gate_rank > 0 ? 2 : 0) + (a.qk_norm ? 2 : 0) +
                              (a.output_gate ? 1 : 0);
                   }},
        mixer);
}

} // namespace

int weight_tensors(Model const& model, int layer) {
    int const ffn = model.gated_ffn ? 3 : 2;
    int const before = blocks_of(model, layer) + mixer_tensors(mixer_of(model, layer));
    if (!is_moe_layer(model, layer)) {
        return before + (has_dense_ffn(model, layer) ? ffn : 0);
    }
    int const beside = model.moe->latent > 0 ? 3 : 1; // the router, projections to latent experts and back
    return before + beside + (model.moe->shared_ffn_total > 0 ? ffn : 0);
}

LayerParameters layer_parameters(Model const& model, int layer) {
    return divided_layer(model, layer, Shard{}, model.moe ? model.moe->experts : 0);
}

EndParameters end_parameters(Model const& model) { return rank_end_parameters(model, Shard{}); }

MtpParameters mtp_parameters(Model const& model) {
    return {.layer = layer_parameters(model, model.layers),
            .projection = 2 * static_cast<std::int64_t>(model.hidden) * model.hidden,
            .norms = 3 * norm_parameters(
                             model, model.hidden)}; // of the hidden state, of the embedding, before the head
}

std::int64_t total_parameters(Model const& model) {
    std::int64_t total = end_parameters(model).total();
    for (int layer = 0; layer < model.layers; ++layer) {
        total += layer_parameters(model, layer).total();
    }
    return total;
}

std::int64_t trained_parameters(Model const& model) {
    auto const module = mtp_parameters(model);
    return total_parameters(model) +
           model.mtp_depth * (module.layer.total() + module.projection + module.norms);
}

std::int64_t active_parameters(Model const& model, ActiveCount counts) {
    auto const ends = end_parameters(model);
    bool const without_embedding = counts == ActiveCount::head_only && !model.tied_embeddings;
    std::int64_t const all = total_parameters(model) - (without_embedding ? ends.embedding : 0);
    if (!model.moe) {
        return all;
    }
    auto const one_expert = ffn_parameters(model, expert_columns(model), model.moe->expert_ffn);
    return all - one_expert * (model.moe->experts - model.moe->topk) * moe_layers(model);
}

LayerParameters rank_parameters(Model const& model, int layer, Shard const& shard, int local_experts) {
    auto const problem = problem_with(model, shard, local_experts);
    expects(!problem, problem ? problem->text : "");
    if (local_experts == 0 && model.moe) {
        local_experts = model.moe->experts / shard.expert;
    }
    return divided_layer(model, layer, shard, local_experts);
}

EndParameters rank_end_parameters(Model const& model, Shard const& shard) {
    std::int64_t const table = ceil_div(model.vocab, shard.tensor) * model.hidden;
    return {.embedding = table,
            .positions = static_cast<std::int64_t>(model.learned_positions) * model.hidden,
            .head = model.tied_embeddings ? 0 : table,
            .final_norm = norm_parameters(model, model.hidden)};
}

namespace {

std::optional<ShardProblem> problem_with_heads(Mixer const& mixer, Shard const& shard) {
    auto const* const linear = is_linear(mixer) ? "linear " : "";
    auto const* const keys = is_linear(mixer) ? "linear attention key" : "key-value";
    int const heads = heads_of(mixer), kv_heads = kv_heads_of(mixer);
    if (is_linear(mixer) && shard.context > 1 && !shard.context_by_heads) {
        return ShardProblem{ShardDegree::context,
                            fmt::format("linear attention reads its sequence in order: context = {} needs "
                                        "context_exchange = \"all_to_all\"",
                                        shard.context)};
    }
    if (heads % shard.tensor != 0) {
        return ShardProblem{
            ShardDegree::tensor,
            fmt::format("{} {}attention heads do not divide by tensor = {}", heads, linear, shard.tensor)};
    }
    if (kv_heads % shard.tensor != 0 && shard.tensor % kv_heads != 0) {
        return ShardProblem{ShardDegree::tensor,
                            fmt::format("{} {} heads and tensor = {}: neither divides the other", kv_heads,
                                        keys, shard.tensor)};
    }
    for (auto const& [on_rank, what] :
         {std::pair{heads / shard.tensor, is_linear(mixer) ? "linear attention" : "attention"},
          std::pair{std::max(1, kv_heads / shard.tensor), keys}}) {
        if (shard.context_by_heads && on_rank % shard.context != 0) {
            return ShardProblem{ShardDegree::context,
                                fmt::format("{} {} heads of a tensor rank do not divide by context = {}, "
                                            "which context_exchange = \"all_to_all\" needs",
                                            on_rank, what, shard.context)};
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<ShardProblem> problem_with(Model const& model, Shard const& shard, int local_experts) {
    expects(std::min({shard.tensor, shard.context, shard.expert, shard.expert_tensor}) >= 1,
            "degrees are 1 or more");
    if (auto problem =
            has_attention(model) ? problem_with_heads(as_mixer(model.attention), shard) : std::nullopt) {
        return problem;
    }
    if (auto problem =
            has_linear_attention(model) ? problem_with_heads(*model.linear, shard) : std::nullopt) {
        return problem;
    }
    if (model.dense_ffn % shard.tensor != 0) {
        return ShardProblem{ShardDegree::tensor, fmt::format("dense_ffn {} does not divide by tensor = {}",
                                                             model.dense_ffn, shard.tensor)};
    }
    if (!model.moe) {
        return shard.expert > 1 || shard.expert_tensor > 1
                   ? std::optional{ShardProblem{shard.expert > 1 ? ShardDegree::expert
                                                                 : ShardDegree::expert_tensor,
                                                "the model has no experts to divide"}}
                   : std::nullopt;
    }
    if (shard.tensor > 1 && !shard.sequence_parallel) {
        return ShardProblem{ShardDegree::tensor,
                            fmt::format("tensor = {} without sequence_parallel does not go with experts: "
                                        "each rank would get back the tokens alone that it sent",
                                        shard.tensor)};
    }
    if (model.moe->shared_ffn_total % shard.tensor != 0) {
        return ShardProblem{ShardDegree::tensor,
                            fmt::format("shared_ffn_total {} does not divide by tensor = {}",
                                        model.moe->shared_ffn_total, shard.tensor)};
    }
    if (model.moe->expert_ffn % shard.expert_tensor != 0) {
        return ShardProblem{ShardDegree::expert_tensor,
                            fmt::format("expert_ffn {} does not divide by expert_tensor = {}",
                                        model.moe->expert_ffn, shard.expert_tensor)};
    }
    if (model.moe->experts < shard.expert) {
        return ShardProblem{ShardDegree::expert, fmt::format("{} experts are fewer than expert = {} ranks",
                                                             model.moe->experts, shard.expert)};
    }
    if (local_experts == 0 && model.moe->experts % shard.expert != 0) {
        return ShardProblem{ShardDegree::expert, fmt::format("{} experts do not divide by expert = {}",
                                                             model.moe->experts, shard.expert)};
    }
    return std::nullopt;
}

} // namespace moesaic::model
