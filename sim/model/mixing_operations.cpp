#include "model/mixing_operations.hpp"

#include "base/overloaded.hpp"
#include "model/operation_builder.hpp"
#include "model/weights.hpp"

#include <algorithm>

namespace moesaic::model {

namespace {

std::string const output_gate_role = "output_gate";

/// Queries and keys of one rank; a rank holds at least one key-value head.
struct RankAttention {
    int heads, kv_heads, key_dim, value_dim;
};

RankAttention rank_attention(Mixer const& mixer, Shard const& shard) {
    return {.heads = heads_of(mixer) / shard.tensor,
            .kv_heads = std::max(1, kv_heads_of(mixer) / shard.tensor),
            .key_dim = key_dim(mixer),
            .value_dim = value_dim(mixer)};
}

void fused_attention(OperationBuilder& build, LayerShape const& shape, RankAttention const& a, OpKind kind,
                     int window) {
    auto const format = shape.precision.attention.value_or(shape.precision.activations);
    int const by_heads = shape.shard.context_by_heads ? shape.shard.context : 1,
              by_queries = shape.shard.context / by_heads; // ranks that share them
    if (bytes_per_element(format) < bytes_per_element(shape.precision.activations)) {
        build.add(
            {.kind = OpKind::quantise,
             .dtype = format,
             .m = group_rows(shape),
             .n = std::int64_t{a.heads + a.kv_heads} * a.key_dim + std::int64_t{a.kv_heads} * a.value_dim,
             .role = "attention"});
    }
    build.add({.kind = kind,
               .dtype = format,
               .m = ceil_div(shape.sequence_length, by_queries),
               .n = shape.sequence_length,
               .k = a.key_dim,
               .batch = shape.micro_batch,
               .heads = a.heads / by_heads,
               .kv_heads = a.kv_heads / by_heads,
               .v_dim = a.value_dim == a.key_dim ? 0 : a.value_dim,
               .causal = true,
               .window = window < shape.sequence_length ? window : 0,
               .role = "attention"});
}

/// The whole square; a window only masks it.
void unfused_attention(Model const& model, OperationBuilder& build, LayerShape const& shape,
                       RankAttention const& a) {
    std::int64_t const queries = ceil_div(shape.sequence_length, shape.shard.context),
                       keys = shape.sequence_length;
    std::int64_t const batch = static_cast<std::int64_t>(shape.micro_batch) * a.heads;
    auto const dtype = shape.precision.activations;
    build.add({.kind = OpKind::bmm,
               .dtype = dtype,
               .m = queries,
               .n = keys,
               .k = a.key_dim,
               .batch = batch,
               .role = "scores"});
    build.rows(OpKind::softmax, batch * queries, keys, "scores");
    if (model.dropout) {
        build.rows(OpKind::dropout, batch * queries, keys, "scores");
    }
    build.add({.kind = OpKind::bmm,
               .dtype = dtype,
               .m = queries,
               .n = a.value_dim,
               .k = keys,
               .batch = batch,
               .role = "values"});
}

void append_attention(Model const& model, int layer, OperationBuilder& build, LayerShape const& shape,
                      OpKind kind) {
    auto const a = rank_attention(mixer_of(model, layer), shape.shard);
    if (shape.fused_attention) {
        fused_attention(build, shape, a, kind, window_of(model, layer));
    } else {
        unfused_attention(model, build, shape, a);
    }
}

Operations gqa_operations(Model const& model, int layer, Gqa const& gqa, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = group_rows(shape);
    auto const a = rank_attention(gqa, shape.shard);
    std::int64_t const gate_columns = gqa.output_gate ? std::int64_t{a.heads} * gqa.head_dim : 0;
    std::int64_t const qk_columns = static_cast<std::int64_t>(a.heads + a.kv_heads) * gqa.head_dim;
    std::int64_t const v_columns = static_cast<std::int64_t>(a.kv_heads) * gqa.head_dim;
    build.gemm(ProductPart::attention, m, qk_columns + v_columns + gate_columns, model.hidden, "qkv");
    if (gqa.qk_norm) {
        build.norm(m * (a.heads + a.kv_heads), gqa.head_dim, "qk_norm");
    }
    if (model.rotary) {
        build.rows(OpKind::rope, m, qk_columns, "rope");
    }
    append_attention(model, layer, build, shape, OpKind::attention);
    if (gate_columns > 0) {
        build.rows(OpKind::gated_activation, m, gate_columns, output_gate_role);
    }
    build.gemm(ProductPart::attention, m, model.hidden, static_cast<std::int64_t>(a.heads) * gqa.head_dim,
               "attention_out");
    return build.take();
}

/// From the compressed vectors on; rope writes the rotated part of the queries and, for each head, whole
/// keys.
Operations mla_operations(Model const& model, int layer, Mla const& mla, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = group_rows(shape);
    std::int64_t const heads = rank_attention(mla, shape.shard).heads;
    std::int64_t const q_input = mla.q_lora_rank > 0 ? mla.q_lora_rank : model.hidden;
    build.gemm(ProductPart::attention, m, heads * (mla.nope_dim + mla.rope_dim), q_input, "q_up");
    build.gemm(ProductPart::attention, m, heads * (mla.nope_dim + mla.v_dim), mla.kv_lora_rank, "kv_up");
    if (model.rotary) {
        build.rows(OpKind::rope, m, heads * (mla.nope_dim + 2 * mla.rope_dim), "rope");
    }
    append_attention(model, layer, build, shape, OpKind::mla_attention);
    build.gemm(ProductPart::attention, m, model.hidden, heads * mla.v_dim, "attention_out");
    return build.take();
}

/// The second factor of a projection in two; the first is whole on each tensor rank.
void append_second_factor(OperationBuilder& build, std::int64_t m, std::int64_t columns, int rank,
                          std::string role) {
    if (rank > 0) {
        build.gemm(ProductPart::linear_in, m, columns, rank, std::move(role));
    }
}

/// One product makes all that is projected at once, the first factors of gates too; the norm of what is read is one kernel with its gate.
Operations linear_operations(Model const& model, LinearAttention const& linear, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = group_rows(shape);
    auto const a = rank_attention(linear, shape.shard);
    std::int64_t const keys = std::int64_t{a.kv_heads} * a.key_dim,
                       values = std::int64_t{a.heads} * a.value_dim;
    build.gemm(ProductPart::linear_in, m,
               projected_columns(linear, a.heads, a.kv_heads) + linear.gate_rank + linear.decay_rank,
               model.hidden, "linear_in");
    append_second_factor(build, m, std::int64_t{a.heads} * a.key_dim, linear.decay_rank, "linear_decay");
    append_second_factor(build, m, values, linear.gate_rank, "linear_gate");
    if (linear.convolution > 0) {
        build.add({.kind = OpKind::short_convolution,
                   .dtype = shape.precision.activations,
                   .m = m,
                   .n = convolved_columns(linear, a.heads, a.kv_heads),
                   .k = linear.convolution,
                   .role = "linear_convolution"});
    }
    if (linear.qk_norm) {
        build.norm(m * 2 * a.kv_heads, a.key_dim, "qk_norm");
    }
    if (linear.rotary) {
        build.rows(OpKind::rope, m, 2 * keys, "rope");
    }
    int const sharers = shape.shard.context_by_heads ? shape.shard.context : 1; // of the heads
    auto const rule = linear.decay == Decay::channel ? OpKind::kda : OpKind::delta_rule;
    build.add({.kind = linear.delta_rule ? rule : OpKind::linear_attention,
               .dtype = shape.precision.activations,
               .m = shape.sequence_length,
               .k = a.key_dim,
               .batch = shape.micro_batch,
               .heads = a.heads / sharers,
               .kv_heads = a.kv_heads / sharers,
               .v_dim = a.value_dim == a.key_dim ? 0 : a.value_dim,
               .causal = true,
               .role = "linear_attention"});
    if (linear.output_gate) {
        build.rows(OpKind::gated_activation, m, values, output_gate_role);
    }
    build.gemm(ProductPart::linear_out, m, model.hidden, values, "attention_out");
    return build.take();
}

} // namespace

Operations mixing_norm_operations(Model const& model, Mixer const& mixer, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = own_rows(shape);
    build.norm(m, model.hidden, "attention_norm");
    if (auto const* const mla = std::get_if<Mla>(&mixer)) {
        if (mla->q_lora_rank > 0) {
            build.gemm(ProductPart::attention, m, mla->q_lora_rank, model.hidden, "q_down");
            build.norm(m, mla->q_lora_rank, "q_norm");
        }
        build.gemm(ProductPart::attention, m, mla->kv_lora_rank + mla->rope_dim, model.hidden, "kv_down",
                   mla->q_lora_rank > 0);
        build.norm(m, mla->kv_lora_rank, "kv_norm");
    }
    return build.take();
}

int gathered_columns(Model const& model, Mixer const& mixer) {
    auto const* const mla = std::get_if<Mla>(&mixer);
    int const queries = mla && mla->q_lora_rank > 0 ? mla->q_lora_rank : model.hidden;
    return mla ? queries + mla->kv_lora_rank + mla->rope_dim : model.hidden;
}

Operations mixing_operations(Model const& model, int layer, Mixer const& mixer, LayerShape const& shape) {
    return std::visit(
        overloaded{[](std::monostate) { return Operations{}; },
                   [&](Gqa const& a) { return gqa_operations(model, layer, a, shape); },
                   [&](Mla const& a) { return mla_operations(model, layer, a, shape); },
                   [&](LinearAttention const& a) { return linear_operations(model, a, shape); }},
        mixer);
}

} // namespace moesaic::model
