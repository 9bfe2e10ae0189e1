#include "model/layer_operations.hpp"

#include "base/errors.hpp"
#include "model/mixing_operations.hpp"
#include "model/operation_builder.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::model {

namespace {

void activation(Model const& model, OperationBuilder& build, std::int64_t m, std::int64_t n,
                std::string const& role) {
    build.rows(model.gated_ffn ? OpKind::gated_activation : OpKind::gelu, m, n, role + "_activation");
}

/// A feed-forward network over the rows, `inner` of its columns on this rank.
Operations ffn_operations(Model const& model, LayerShape const& shape, ProductPart part, int inner,
                          std::string const& role) {
    OperationBuilder build{model, shape};
    auto const m = group_rows(shape);
    build.gemm(part, m, model.gated_ffn ? 2 * inner : inner, model.hidden, role + "_up");
    activation(model, build, m, inner, role);
    build.gemm(part, m, model.hidden, inner, role + "_down");
    return build.take();
}

std::int64_t rounded(double rows) { return std::max<std::int64_t>(1, std::llround(rows)); }

Operations pre_dispatch(Model const& model, LayerShape const& shape) {
    OperationBuilder build{model, shape};
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
    int const columns = expert_columns(model);
    if (moe.latent > 0) {
        build.gemm(ProductPart::latent, m, moe.latent, model.hidden, "latent_down");
    }
    if (is_narrow(precision.dispatch, precision)) {
        build.add({.kind = OpKind::quantise,
                   .dtype = precision.dispatch,
                   .m = rounded(tokens),
                   .n = columns,
                   .role = "dispatch"});
    }
    if (!shape.exchange_copies) {
        build.add({.kind = OpKind::permute,
                   .dtype = precision.dispatch,
                   .m = rounded(tokens * moe.topk),
                   .n = columns,
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
void append_grouped_experts(Model const& model, OperationBuilder& build, LayerShape const& shape) {
    auto const& moe = *model.moe;
    int const groups = local_experts(moe, shape), inner = moe.expert_ffn / shape.shard.expert_tensor;
    auto const per_group = rounded(expert_rows(moe, shape) / groups);
    auto const total = per_group * groups;
    int const columns = expert_columns(model);
    auto const format = format_of(shape.precision, ProductPart::experts);
    bool const fused_gate = shape.fused_gate && is_narrow(format, shape.precision);
    auto const product = [&](std::int64_t n, std::int64_t k, std::string role,
                             bool gradient_quantised = false) {
        build.add({.kind = groups == 1 ? OpKind::gemm : OpKind::grouped_gemm,
                   .dtype = format,
                   .m = per_group,
                   .n = n,
                   .k = k,
                   .batch = groups,
                   .gradient_quantised = gradient_quantised,
                   .role = std::move(role)});
    };
    if (!is_narrow(shape.precision.dispatch, shape.precision)) {
        build.quantise(ProductPart::experts, total, columns, "expert_up");
    }
    product(model.gated_ffn ? 2 * inner : inner, columns, "expert_up", fused_gate);
    if (!fused_gate) {
        activation(model, build, total, inner, "expert");
        build.quantise(ProductPart::experts, total, inner, "expert_down");
    }
    product(columns, inner, "expert_down");
}

Operations experts(Model const& model, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = rounded(expert_rows(*model.moe, shape));
    bool const sorts = sorts_rows(*model.moe, shape);
    if (sorts) {
        build.add({.kind = OpKind::permute,
                   .dtype = shape.precision.dispatch,
                   .m = m,
                   .n = expert_columns(model),
                   .role = "sort"});
    }
    append_grouped_experts(model, build, shape);
    if (sorts) {
        build.rows(OpKind::permute, m, expert_columns(model), "unsort");
    }
    return build.take();
}

Operations post_combine(Model const& model, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const& moe = *model.moe;
    if (!shape.exchange_copies) {
        build.add({.kind = OpKind::unpermute,
                   .dtype = shape.precision.activations,
                   .m = rounded(dispatched_tokens(shape) * moe.topk),
                   .n = expert_columns(model),
                   .topk = moe.topk,
                   .role = "unpermute"});
    }
    if (moe.latent > 0) {
        build.gemm(ProductPart::latent, own_rows(shape), model.hidden, moe.latent, "latent_up");
    }
    if (moe.shared_ffn_total > 0) {
        build.rows(OpKind::add, own_rows(shape), model.hidden, "shared");
    }
    build.residual("ffn_residual");
    return build.take();
}

Operations only_norm(Model const& model, LayerShape const& shape, std::string role) {
    OperationBuilder build{model, shape};
    build.norm(own_rows(shape), model.hidden, std::move(role));
    return build.take();
}

Operations only_residual(Model const& model, LayerShape const& shape, std::string const& role) {
    OperationBuilder build{model, shape};
    build.residual(role);
    return build.take();
}

} // namespace

LayerOperations layer_operations(Model const& model, int layer, LayerShape const& stage_shape) {
    auto shape = stage_shape;
    shape.precision = precision_of_layer(stage_shape.precision, model, layer);
    bool const divides_experts = is_moe_layer(model, layer) && shape.local_experts == 0;
    auto const problem = problem_with(model, shape.shard, divides_experts ? 0 : 1);
    expects(!problem, problem ? problem->text : "");
    LayerOperations out;
    if (auto const mixer = mixer_of(model, layer); !std::holds_alternative<std::monostate>(mixer)) {
        out.attention_norm = mixing_norm_operations(model, mixer, shape);
        out.gathered_columns = gathered_columns(model, mixer);
        out.attention = mixing_operations(model, layer, mixer, shape);
        out.attention_residual = only_residual(model, shape, "attention_residual");
    }
    if (has_dense_ffn(model, layer)) {
        out.ffn_norm = only_norm(model, shape, "ffn_norm");
        out.ffn = ffn_operations(model, shape, ProductPart::ffn, model.dense_ffn / shape.shard.tensor, "ffn");
        out.ffn_residual = only_residual(model, shape, "ffn_residual");
    }
    if (!is_moe_layer(model, layer)) {
        return out;
    }
    out.dispatch = shape.precision.dispatch;
    out.pre_dispatch = pre_dispatch(model, shape);
    out.experts = experts(model, shape);
    if (model.moe->shared_ffn_total > 0) {
        out.shared = ffn_operations(model, shape, ProductPart::shared_experts,
                                    model.moe->shared_ffn_total / shape.shard.tensor, "shared");
    }
    out.post_combine = post_combine(model, shape);
    return out;
}

Operations embedding_operations(Model const& model, LayerShape const& shape) {
    OperationBuilder build{model, shape};
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
    OperationBuilder build{model, shape};
    auto const m = group_rows(shape);
    auto const columns = ceil_div(model.vocab, shape.shard.tensor);
    build.wide_gemm(m, columns, model.hidden, "head");
    build.add({.kind = OpKind::cross_entropy, .dtype = Dtype::fp32, .m = m, .n = columns, .role = "loss"});
    return build.take();
}

Operations mtp_operations(Model const& model, LayerShape const& shape) {
    OperationBuilder build{model, shape};
    auto const m = own_rows(shape);
    build.norm(m, model.hidden, "mtp_norm");
    build.norm(m, model.hidden, "mtp_norm");
    build.gemm(ProductPart::mtp, group_rows(shape), model.hidden / shape.shard.tensor,
               std::int64_t{2} * model.hidden, "mtp_projection");
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
