#include "timing/table_op.hpp"

#include "base/errors.hpp"

#include <algorithm>

namespace moesaic::timing {

namespace {

using model::OpKind;
using model::Pass;

constexpr auto fwd = Pass::forward, bwd = Pass::backward;
constexpr auto bound = Family::memory_bound;
constexpr auto none = std::nullopt;
constexpr TableOp ops_of_the_tables[] = {
    {"gemm", Family::product, OpKind::gemm, fwd},
    {"gemm_bwd", Family::product, OpKind::gemm, bwd},
    {"bmm", Family::product, OpKind::bmm, fwd},
    {"bmm_bwd", Family::product, OpKind::bmm, bwd},
    {"grouped_gemm", Family::product, OpKind::grouped_gemm, fwd},
    {"grouped_gemm_bwd", Family::product, OpKind::grouped_gemm, bwd},
    {"moe_ffn", Family::moe_ffn, OpKind::moe_ffn, fwd},
    {"attn_fwd", Family::attention, OpKind::attention, fwd},
    {"attn_bwd", Family::attention, OpKind::attention, bwd},
    {"mla_fwd", Family::attention, OpKind::mla_attention, fwd},
    {"mla_bwd", Family::attention, OpKind::mla_attention, bwd},
    {"linear_attn_fwd", Family::linear, OpKind::linear_attention, fwd},
    {"linear_attn_bwd", Family::linear, OpKind::linear_attention, bwd},
    {"delta_rule_fwd", Family::linear, OpKind::delta_rule, fwd},
    {"delta_rule_bwd", Family::linear, OpKind::delta_rule, bwd},
    {"kda_fwd", Family::linear, OpKind::kda, fwd},
    {"kda_bwd", Family::linear, OpKind::kda, bwd},
    {"short_conv_fwd", bound, OpKind::short_convolution, fwd},
    {"short_conv_bwd", bound, OpKind::short_convolution, bwd},
    {"rmsnorm_fwd", bound, OpKind::rmsnorm, fwd},
    {"rmsnorm_bwd", bound, OpKind::rmsnorm, bwd},
    {"layernorm_fwd", bound, OpKind::layernorm, fwd},
    {"layernorm_bwd", bound, OpKind::layernorm, bwd},
    {"softmax_fwd", bound, OpKind::softmax, fwd},
    {"softmax_bwd", bound, OpKind::softmax, bwd},
    {"gelu_fwd", bound, OpKind::gelu, fwd},
    {"gelu_bwd", bound, OpKind::gelu, bwd},
    {"rope_fwd", bound, OpKind::rope, fwd},
    {"rope_bwd", bound, OpKind::rope, bwd},
    {"silu_mul_fwd", bound, OpKind::gated_activation, fwd},
    {"silu_mul_bwd", bound, OpKind::gated_activation, bwd},
    {"add", bound, OpKind::add, fwd},
    {"embedding_fwd", bound, OpKind::embedding, fwd},
    {"embedding_bwd", bound, OpKind::embedding, bwd},
    {"cross_entropy_fwd", bound, OpKind::cross_entropy, fwd},
    {"cross_entropy_bwd", bound, OpKind::cross_entropy, bwd},
    {"dropout_fwd", bound, OpKind::dropout, fwd},
    {"dropout_bwd", bound, OpKind::dropout, bwd},
    {"topk", bound, OpKind::router_topk, fwd},
    {"router_topk_fwd", bound, OpKind::router_topk, fwd},
    {"router_topk_bwd", bound, OpKind::router_topk, bwd},
    {"permute", bound, OpKind::permute, fwd},
    {"unpermute", bound, OpKind::unpermute, fwd},
    {"quantise", bound, OpKind::quantise, fwd},
    {"optimizer_step", bound, OpKind::optimizer_step, fwd},
    {"mul", bound, none, fwd, 3},
    {"relu_fwd", bound, none, fwd, 2},
    {"silu_fwd", bound, none, fwd, 2},
    {"copy", bound, none, fwd, 2},
    {"quant_int8", bound, none, fwd, 2},
    {"dropout_add_layernorm_fwd", bound, none, fwd, 4},
    {"all_reduce", Family::collective, none},
    {"all_gather", Family::collective, none},
    {"reduce_scatter", Family::collective, none},
    {"all_to_all", Family::collective, none},
    {"send_recv", Family::collective, none},
    {"broadcast", Family::collective, none},
    {"ep_dispatch", Family::exchange, none},
    {"ep_combine", Family::exchange, none},
    {"mla_absorbed_fwd", Family::whole_model, none},
    {"all_gather_gemm", Family::whole_model, none},
    {"gemm_all_reduce", Family::whole_model, none},
    {"gemm_reduce_scatter", Family::whole_model, none},
    {"train_step", Family::whole_model, none},
    {"infer_fwd", Family::whole_model, none},
    {"train_fwd_bwd", Family::whole_model, none},
    {"other", Family::whole_model, none},
};

} // namespace

std::span<TableOp const> table_ops() { return ops_of_the_tables; }

std::optional<TableOpId> find_table_op(std::string_view name) {
    auto const ops = table_ops();
    auto const at = std::ranges::find(ops, name, &TableOp::name);
    return at == ops.end() ? std::nullopt : std::optional{static_cast<TableOpId>(at - ops.begin())};
}

TableOp const& table_op(TableOpId id) {
    expects(id >= 0 && static_cast<std::size_t>(id) < table_ops().size(),
            "the id of an operation of the tables");
    return table_ops()[static_cast<std::size_t>(id)];
}

std::optional<TableOpId> table_op_of(OpKind kind, Pass pass) {
    auto const ops = table_ops();
    auto const at =
        std::ranges::find_if(ops, [&](TableOp const& op) { return op.kind == kind && op.pass == pass; });
    return at == ops.end() ? std::nullopt : std::optional{static_cast<TableOpId>(at - ops.begin())};
}

} // namespace moesaic::timing
