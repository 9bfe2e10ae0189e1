#include "model/layer_operations.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "model/parameters.hpp"
#include "model/weights.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::model {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool is_narrow(Dtype dtype, Precision const& precision) {
    return bytes_per_element(dtype) < bytes_per_element(precision.activations);
}

/// Builds one list; knows the formats.
class Builder {
  public:
    Builder(Model const& model, LayerShape const& shape) : model_{model}, shape_{shape} {}

    void rows(OpKind kind, std::int64_t m, std::int64_t n, std::string role) {
        out_.push_back(
            {.kind = kind, .dtype = shape_.precision.activations, .m = m, .n = n, .role = std::move(role)});
    }
    void norm(std::int64_t m, std::int64_t n, std::string role) {
        rows(model_.norm == Norm::rmsnorm ? OpKind::rmsnorm : OpKind::layernorm, m, n, std::move(role));
    }
    /// In the narrow format where there is one: then `quantised` says whether the input is so already.
    void gemm(std::int64_t m, std::int64_t n, std::int64_t k, std::string role, bool quantised = false) {
        if (!quantised) {
            quantise(m, k, role);
        }
        out_.push_back({.dtype = shape_.precision.gemm, .m = m, .n = n, .k = k, .role = std::move(role)});
    }
    /// Router and head: always in the activations' format.
    void wide_gemm(std::int64_t m, std::int64_t n, std::int64_t k, std::string role) {
        out_.push_back(
            {.dtype = shape_.precision.activations, .m = m, .n = n, .k = k, .role = std::move(role)});
    }
    void quantise(std::int64_t m, std::int64_t n, std::string const& role) {
        if (is_narrow(shape_.precision.gemm, shape_.precision)) {
            out_.push_back(
                {.kind = OpKind::quantise, .dtype = shape_.precision.gemm, .m = m, .n = n, .role = role});
        }
    }
    /// Dropout where the model has it, and the sum with what went round the block.
    void residual(std::string const& role) {
        auto const m = own_rows(shape_);
        if (model_.sandwich_norm) {
            norm(m, model_.hidden, role + "_norm");
        }
        if (model_.dropout) {
            rows(OpKind::dropout, m, model_.hidden, role);
        }
        rows(OpKind::add, m, model_.hidden, role);
    }
    void add(Operation op) { out_.push_back(std::move(op)); }
    [[nodiscard]] Operations take() { return std::move(out_); }

  private:
    Model const& model_;
    LayerShape const& shape_;
    Operations out_;
};

void activation(Model const& model, Builder& build, std::int64_t m, std::int64_t n, std::string const& role) {
    build.rows(model.gated_ffn ? OpKind::gated_activation : OpKind::gelu, m, n, role + "_activation");
}

/// A feed-forward network over the rows, `inner` of its columns on this rank.
Operations ffn_operations(Model const& model, LayerShape const& shape, int inner, std::string const& role) {
    Builder build{model, shape};
    auto const m = group_rows(shape);
    build.gemm(m, model.gated_ffn ? 2 * inner : inner, model.hidden, role + "_up");
    activation(model, build, m, inner, role);
    build.gemm(m, model.hidden, inner, role + "_down");
    return build.take();
}

/// Queries and keys of one rank; a rank holds at least one key-value head.
struct RankAttention {
    int heads, kv_heads, key_dim, value_dim;
};

RankAttention rank_attention(Model const& model, Shard const& shard) {
    return {.heads = heads_of(model) / shard.tensor,
            .kv_heads = std::max(1, kv_heads_of(model) / shard.tensor),
            .key_dim = key_dim(model),
            .value_dim = value_dim(model)};
}

void fused_attention(Builder& build, LayerShape const& shape, RankAttention const& a, OpKind kind,
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
void unfused_attention(Model const& model, Builder& build, LayerShape const& shape, RankAttention const& a) {
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

void append_attention(Model const& model, int layer, Builder& build, LayerShape const& shape, OpKind kind) {
    auto const a = rank_attention(model, shape.shard);
    if (shape.fused_attention) {
        fused_attention(build, shape, a, kind, window_of(model, layer));
    } else {
        unfused_attention(model, build, shape, a);
    }
}

Operations gqa_operations(Model const& model, int layer, Gqa const& gqa, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = group_rows(shape);
    auto const a = rank_attention(model, shape.shard);
    std::int64_t const qk_columns = static_cast<std::int64_t>(a.heads + a.kv_heads) * gqa.head_dim;
    std::int64_t const v_columns = static_cast<std::int64_t>(a.kv_heads) * gqa.head_dim;
    build.gemm(m, qk_columns + v_columns, model.hidden, "qkv");
    if (gqa.qk_norm) {
        build.norm(m * (a.heads + a.kv_heads), gqa.head_dim, "qk_norm");
    }
    if (model.rotary) {
        build.rows(OpKind::rope, m, qk_columns, "rope");
    }
    append_attention(model, layer, build, shape, OpKind::attention);
    build.gemm(m, model.hidden, static_cast<std::int64_t>(a.heads) * gqa.head_dim, "attention_out");
    return build.take();
}

/// From the compressed vectors on; rope writes the rotated part of the queries and, for each head, whole
/// keys.
Operations mla_operations(Model const& model, int layer, Mla const& mla, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = group_rows(shape);
    std::int64_t const heads = rank_attention(model, shape.shard).heads;
    std::int64_t const q_input = mla.q_lora_rank > 0 ? mla.q_lora_rank : model.hidden;
    build.gemm(m, heads * (mla.nope_dim + mla.rope_dim), q_input, "q_up");
    build.gemm(m, heads * (mla.nope_dim + mla.v_dim), mla.kv_lora_rank, "kv_up");
    build.rows(OpKind::rope, m, heads * (mla.nope_dim + 2 * mla.rope_dim), "rope");
    append_attention(model, layer, build, shape, OpKind::mla_attention);
    build.gemm(m, model.hidden, heads * mla.v_dim, "attention_out");
    return build.take();
}

/// The norm, and what latent attention compresses before tensor ranks gather it.
Operations attention_norm(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = own_rows(shape);
    build.norm(m, model.hidden, "attention_norm");
    if (auto const* const mla = std::get_if<Mla>(&model.attention)) {
        if (mla->q_lora_rank > 0) {
            build.gemm(m, mla->q_lora_rank, model.hidden, "q_down");
            build.norm(m, mla->q_lora_rank, "q_norm");
        }
        build.gemm(m, mla->kv_lora_rank + mla->rope_dim, model.hidden, "kv_down", mla->q_lora_rank > 0);
        build.norm(m, mla->kv_lora_rank, "kv_norm");
    }
    return build.take();
}

std::int64_t rounded(double rows) { return std::max<std::int64_t>(1, std::llround(rows)); }

Operations pre_dispatch(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const& moe = *model.moe;
    auto const m = own_rows(shape);
    auto const& precision = shape.precision;
    double const tokens = dispatched_tokens(shape);
    build.norm(m, model.hidden, "ffn_norm");
    build.wide_gemm(m, moe.experts, model.hidden, "router");
    build.add({.kind = OpKind::router_topk,
               .dtype = Dtype::fp32,
               .m = m,
               .n = moe.experts,
               .k = moe.topk,
               .role = "router"});
    if (is_narrow(precision.dispatch, precision)) {
        build.add({.kind = OpKind::quantise,
                   .dtype = precision.dispatch,
                   .m = rounded(tokens),
                   .n = model.hidden,
                   .role = "dispatch"});
    }
    if (!shape.exchange_copies) {
        build.add({.kind = OpKind::permute,
                   .dtype = precision.dispatch,
                   .m = rounded(tokens * moe.topk),
                   .n = model.hidden,
                   .topk = moe.topk,
                   .role = "permute"});
    }
    return build.take();
}

/// Rows that come from several ranks must be brought into the order of the local experts.
bool sorts_rows(Moe const& moe, LayerShape const& shape) {
    return shape.shard.expert * shape.shard.expert_tensor > 1 && local_experts(moe, shape) > 1;
}

/// A rank with one expert calls a plain product.
void append_grouped_experts(Model const& model, Builder& build, LayerShape const& shape) {
    auto const& moe = *model.moe;
    int const groups = local_experts(moe, shape), inner = moe.expert_ffn / shape.shard.expert_tensor;
    auto const per_group = rounded(expert_rows(moe, shape) / groups);
    auto const total = per_group * groups;
    auto const product = [&](std::int64_t n, std::int64_t k, std::string role,
                             bool gradient_quantised = false) {
        build.add({.kind = groups == 1 ? OpKind::gemm : OpKind::grouped_gemm,
                   .dtype = shape.precision.gemm,
                   .m = per_group,
                   .n = n,
                   .k = k,
                   .batch = groups,
                   .gradient_quantised = gradient_quantised,
                   .role = std::move(role)});
    };
    if (!is_narrow(shape.precision.dispatch, shape.precision)) {
        build.quantise(total, model.hidden, "expert_up");
    }
    product(model.gated_ffn ? 2 * inner : inner, model.hidden, "expert_up", shape.fused_gate);
    if (!shape.fused_gate) {
        activation(model, build, total, inner, "expert");
        build.quantise(total, inner, "expert_down");
    }
    product(model.hidden, inner, "expert_down");
}

Operations experts(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = rounded(expert_rows(*model.moe, shape));
    bool const sorts = sorts_rows(*model.moe, shape);
    if (sorts) {
        build.add({.kind = OpKind::permute,
                   .dtype = shape.precision.dispatch,
                   .m = m,
                   .n = model.hidden,
                   .role = "sort"});
    }
    append_grouped_experts(model, build, shape);
    if (sorts) {
        build.rows(OpKind::permute, m, model.hidden, "unsort");
    }
    return build.take();
}

Operations post_combine(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const& moe = *model.moe;
    if (!shape.exchange_copies) {
        build.add({.kind = OpKind::unpermute,
                   .dtype = shape.precision.activations,
                   .m = rounded(dispatched_tokens(shape) * moe.topk),
                   .n = model.hidden,
                   .topk = moe.topk,
                   .role = "unpermute"});
    }
    if (moe.shared_ffn_total > 0) {
        build.rows(OpKind::add, own_rows(shape), model.hidden, "shared");
    }
    build.residual("ffn_residual");
    return build.take();
}

Operations only_norm(Model const& model, LayerShape const& shape, std::string role) {
    Builder build{model, shape};
    build.norm(own_rows(shape), model.hidden, std::move(role));
    return build.take();
}

Operations only_residual(Model const& model, LayerShape const& shape, std::string const& role) {
    Builder build{model, shape};
    build.residual(role);
    return build.take();
}

} // namespace

LayerOperations layer_operations(Model const& model, int layer, LayerShape const& shape) {
    bool const divides_experts = is_moe_layer(model, layer) && shape.local_experts == 0;
    auto const problem = problem_with(model, shape.shard, divides_experts ? 0 : 1);
    expects(!problem, problem ? problem->text : "");
    LayerOperations out;
    out.attention_norm = attention_norm(model, shape);
    out.attention =
        std::visit(overloaded{[&](Gqa const& a) { return gqa_operations(model, layer, a, shape); },
                              [&](Mla const& a) { return mla_operations(model, layer, a, shape); }},
                   model.attention);
    out.attention_residual = only_residual(model, shape, "attention_residual");
    if (!is_moe_layer(model, layer)) {
        out.ffn_norm = only_norm(model, shape, "ffn_norm");
        out.ffn = ffn_operations(model, shape, model.dense_ffn / shape.shard.tensor, "ffn");
        out.ffn_residual = only_residual(model, shape, "ffn_residual");
        return out;
    }
    out.pre_dispatch = pre_dispatch(model, shape);
    out.experts = experts(model, shape);
    if (model.moe->shared_ffn_total > 0) {
        out.shared = ffn_operations(model, shape, model.moe->shared_ffn_total / shape.shard.tensor, "shared");
    }
    out.post_combine = post_combine(model, shape);
    return out;
}

Operations embedding_operations(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    build.rows(OpKind::embedding, group_rows(shape), model.hidden, "embedding");
    if (model.learned_positions > 0) {
        build.rows(OpKind::add, own_rows(shape), model.hidden, "positions");
    }
    if (model.dropout) {
        build.rows(OpKind::dropout, own_rows(shape), model.hidden, "embedding");
    }
    return build.take();
}

Operations final_norm_operations(Model const& model, LayerShape const& shape) {
    return only_norm(model, shape, "final_norm");
}

Operations head_operations(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = group_rows(shape);
    auto const columns = ceil_div(model.vocab, shape.shard.tensor);
    build.wide_gemm(m, columns, model.hidden, "head");
    build.add({.kind = OpKind::cross_entropy, .dtype = Dtype::fp32, .m = m, .n = columns, .role = "loss"});
    return build.take();
}

Operations mtp_operations(Model const& model, LayerShape const& shape) {
    Builder build{model, shape};
    auto const m = own_rows(shape);
    build.norm(m, model.hidden, "mtp_norm");
    build.norm(m, model.hidden, "mtp_norm");
    build.gemm(group_rows(shape), model.hidden / shape.shard.tensor, std::int64_t{2} * model.hidden,
               "mtp_projection");
    return build.take();
}

Operation optimizer_operation(std::int64_t parameters, Dtype gradients, Dtype moments) {
    return {.kind = OpKind::optimizer_step,
            .dtype = gradients,
            .m = parameters,
            .moments = moments,
            .role = "optimizer"};
}

BackwardOperations backward_of(std::span<Operation const> forward) {
    BackwardOperations out;
    auto const with_pass = [](Operation op, Pass pass) {
        op.pass = pass;
        return op;
    };
    for (auto op = forward.rbegin(); op != forward.rend(); ++op) {
        expects(op->pass == Pass::forward && op->kind != OpKind::optimizer_step, "a forward operation");
        if (op->kind == OpKind::quantise) {
            continue; // the gradient passes straight through
        }
        if (!has_weights(op->kind)) {
            auto& list = op->kind == OpKind::embedding ? out.weight_gradient : out.input_gradient;
            list.push_back(with_pass(*op, Pass::backward));
            continue;
        }
        if (bytes_per_element(op->dtype) < 2 && !op->gradient_quantised) {
            bool const fused = op->kind == OpKind::moe_ffn;
            auto const rows = fused ? op->m * op->topk * op->batch / op->experts : op->m * op->batch;
            out.input_gradient.push_back({.kind = OpKind::quantise,
                                          .dtype = op->dtype,
                                          .m = rows,
                                          .n = fused ? op->k : op->n,
                                          .role = op->role});
        }
        out.input_gradient.push_back(with_pass(*op, Pass::input_gradient));
        out.weight_gradient.push_back(with_pass(*op, Pass::weight_gradient));
    }
    return out;
}

std::int64_t group_rows(LayerShape const& shape) {
    return shape.micro_batch * ceil_div(shape.sequence_length, shape.shard.context);
}

std::int64_t own_rows(LayerShape const& shape) {
    return shape.shard.sequence_parallel ? ceil_div(group_rows(shape), shape.shard.tensor)
                                         : group_rows(shape);
}

double dispatched_tokens(LayerShape const& shape) {
    return static_cast<double>(group_rows(shape)) / shape.shard.tensor;
}

double expert_rows(Moe const& moe, LayerShape const& shape) {
    return dispatched_tokens(shape) * shape.shard.expert_tensor * moe.topk * shape.expert_load;
}

int local_experts(Moe const& moe, LayerShape const& shape) {
    if (shape.local_experts > 0) {
        return shape.local_experts;
    }
    expects(moe.experts % shape.shard.expert == 0, "experts divide evenly, or the rank's number is given");
    return moe.experts / shape.shard.expert;
}

int gathered_columns(Model const& model) {
    return std::visit(overloaded{[&](Gqa const&) { return model.hidden; },
                                 [&](Mla const& a) {
                                     int const queries = a.q_lora_rank > 0 ? a.q_lora_rank : model.hidden;
                                     return queries + a.kv_lora_rank + a.rope_dim;
                                 }},
                      model.attention);
}

Flop flop_of(std::span<Operation const> operations) {
    Flop sum;
    for (auto const& op : operations) {
        sum += flop_of(op);
    }
    return sum;
}

Bytes bytes_of(std::span<Operation const> operations) {
    Bytes sum;
    for (auto const& op : operations) {
        sum += bytes_of(op);
    }
    return sum;
}

} // namespace moesaic::model
