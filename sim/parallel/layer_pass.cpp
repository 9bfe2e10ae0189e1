#include "parallel/layer_pass.hpp"

#include "parallel/context_attention.hpp"

#include <algorithm>
#include <functional>

namespace moesaic::parallel {

namespace {

constexpr std::string_view again = recompute_prefix;

void forward_experts(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                     std::string_view prefix) {
    Traffic const traffic{s, to};
    bool const beside = s.plan.overlap_shared_experts || s.plan.overlap_exchange;
    auto const shared = [&] {
        if (!ops.shared.empty()) {
            traffic.block(s.model.hidden, ops.shared, "shared expert", prefix);
        }
    };
    to.compute(ops.pre_dispatch, prefix);
    if (beside) {
        auto const coming = traffic.exchange_beside(ops.dispatch, "dispatch", Way::out);
        shared();
        to.wait_for(coming);
    } else {
        traffic.exchange(ops.dispatch, "dispatch", Way::out);
    }
    traffic.expert_tensor_gather("expert rows");
    to.compute(ops.experts, prefix);
    traffic.expert_tensor_scatter("expert rows");
    traffic.exchange(s.shape.precision.activations, "combine", Way::back);
    if (!beside) {
        shared();
    }
    to.compute(ops.post_combine, prefix);
}

/// The experts' own products, and the tokens' gradients on their way back; where exchanges are hidden the weights'
/// gradients come while tokens travel.
void backward_products(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                       BackwardPart part) {
    auto const format = s.shape.precision.activations;
    if (part == BackwardPart::weights) {
        Traffic{s, to, part}.backward(ops.experts);
        return;
    }
    bool const later = part == BackwardPart::both && s.plan.overlap_exchange;
    Traffic const first{s, to, later ? BackwardPart::inputs : part};
    first.backward(ops.experts);
    first.expert_tensor_scatter("expert rows gradient");
    auto const going = first.exchange_beside(format, "dispatch gradient", Way::back);
    if (later) {
        Traffic{s, to, BackwardPart::weights}.backward(ops.experts);
    }
    to.wait_for(going);
}

/// @param recompute computes again what the layer has not kept
void backward_experts(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                      BackwardPart part, std::function<void()> const& recompute) {
    Traffic const traffic{s, to, part};
    auto const format = s.shape.precision.activations;
    bool const sends = part != BackwardPart::weights;
    bool const overlaps = s.plan.overlap_exchange;
    auto const shared = [&] {
        if (!ops.shared.empty()) {
            traffic.block_backward(s.model.hidden, ops.shared, "shared expert");
        }
    };
    if (!overlaps) {
        recompute();
    }
    traffic.backward(ops.post_combine);
    if (!overlaps) {
        shared();
    }
    auto const coming = sends ? traffic.exchange_beside(format, "combine gradient", Way::out) : std::nullopt;
    if (overlaps) { // what needs no tokens
        recompute();
        shared();
    }
    to.wait_for(coming);
    if (sends) {
        traffic.expert_tensor_gather("expert rows gradient");
    }
    backward_products(s, ops, to, part);
    traffic.backward(ops.pre_dispatch);
}

bool is_ffn_norm(model::Operation const& op) { return op.role == "ffn_norm"; }
bool is_rotation(model::Operation const& op) { return op.kind == model::OpKind::rope; }

/// What Megatron-Core's MoE layer computes: the norm before it and the residual behind it are not its own.
model::LayerOperations without_ends(model::LayerOperations ops, bool keeps_norm) {
    if (!keeps_norm) {
        std::erase_if(ops.pre_dispatch, is_ffn_norm);
    }
    std::erase_if(ops.post_combine, [](auto const& op) { return op.role == "ffn_residual"; });
    return ops;
}

void backward_adapters(StageSetting const& s, BlockBuilder& to, BackwardPart part) {
    auto const back = model::backward_of(adapter_operations(s));
    if (part != BackwardPart::weights) {
        to.compute(back.input_gradient);
    }
    if (part != BackwardPart::inputs) {
        to.compute(back.weight_gradient);
    }
}

bool is_core_attention(model::Operation const& op) {
    return op.kind == model::OpKind::attention || op.kind == model::OpKind::mla_attention ||
           op.role == "scores" || op.role == "values";
}

bool is_norm(model::Operation const& op) {
    return op.kind == model::OpKind::rmsnorm || op.kind == model::OpKind::layernorm;
}
bool is_activation(model::Operation const& op) { // of a FFN
    return (op.kind == model::OpKind::gated_activation && op.role != "output_gate") ||
           op.kind == model::OpKind::gelu;
}
/// The layer's attention is latent: it alone makes keys and values of a vector per token.
bool has_latent_attention(model::LayerOperations const& ops) {
    return std::ranges::any_of(ops.attention, [](auto const& op) { return op.role == "kv_up"; });
}
/// Between the compressed vectors of latent attention and attention itself. @param latent whether the layer has such
bool is_up_projection(bool latent, model::Operation const& op) {
    return latent && (is_rotation(op) || op.role == "q_norm" || op.role == "kv_norm" || op.role == "q_up" ||
                      op.role == "kv_up");
}

/// The part of a layer to which the kernel belongs; none where it runs again with a larger part alone.
Recompute part_of(model::Operation const& op) {
    if (is_norm(op)) {
        bool const before_block = op.role == "attention_norm" || is_ffn_norm(op);
        return before_block ? Recompute::layernorm : Recompute::inner_norms;
    }
    if (is_activation(op)) {
        return op.role == "expert_activation" ? Recompute::moe_act : Recompute::activation;
    }
    return is_core_attention(op) ? Recompute::selective : Recompute::none;
}

/// Whether the kernel runs again; `products` counts those of the layer so far.
bool runs_again(bool latent, model::Operation const& op, Recompute recompute, int& products) {
    if (includes(recompute, Recompute::operators)) {
        return model::has_weights(op.kind) ? ++products % 2 == 0
                                           : is_norm(op) || is_activation(op) || is_rotation(op);
    }
    auto const part = part_of(op);
    return (part != Recompute::none && includes(recompute, part)) ||
           (includes(recompute, Recompute::mla_up_proj) && is_up_projection(latent, op));
}

/// @param share of the layer's host time
void host_of_layer(StageSetting const& s, int layer, BlockBuilder& to, double share) {
    constexpr double usual_blocks = 2.0; // of a layer without experts: attention, and an FFN
    auto const dense = s.plan.practice.host_layer * (model::blocks_of(s.model, layer) / usual_blocks);
    to.host((model::is_moe_layer(s.model, layer) ? to.here().host_moe_layer : dense) * share);
}

} // namespace

model::Operations adapter_operations(StageSetting const& s) {
    auto const m = model::group_rows(s.shape);
    auto const dtype = s.shape.precision.activations;
    std::int64_t const rank = *s.plan.adapters;
    std::int64_t const hidden = s.model.hidden;
    model::Operations out;
    for (auto const columns : {hidden, hidden}) { // of queries, keys and values together, and of the output
        out.push_back({.dtype = dtype, .m = m, .n = rank, .k = hidden, .role = "adapter"});
        out.push_back({.dtype = dtype, .m = m, .n = columns, .k = rank, .role = "adapter"});
        out.push_back({.kind = model::OpKind::add, .dtype = dtype, .m = m, .n = columns, .role = "adapter"});
    }
    return out;
}

void recompute_selected(StageSetting const& s, Recompute recompute, model::LayerOperations const& ops,
                        BlockBuilder& to, Part part) {
    Traffic const traffic{s, to};
    int products = 0; // counted over the whole layer, whatever is left out here
    bool const latent = has_latent_attention(ops);
    auto const some = [&](model::Operations const& list) {
        model::Operations chosen;
        std::ranges::copy_if(list, std::back_inserter(chosen),
                             [&](auto const& op) { return runs_again(latent, op, recompute, products); });
        if (part == Part::all || (part == Part::experts) == (&list == &ops.experts)) {
            traffic.compute(chosen, again);
            // attention keeps what came to it, unless all that is cheap runs again: rotation is the last step before it
            if (recompute == Recompute::operators && std::ranges::any_of(chosen, is_rotation)) {
                context_again(s, ops.attention, to, again);
            }
        }
    };
    auto const block = [&](model::Operations const& list, Recompute whole, std::string_view role) {
        if (!list.empty() && part != Part::experts && includes(recompute, whole)) {
            traffic.block(s.model.hidden, list, role, again);
        } else {
            some(list);
        }
    };
    some(ops.attention_norm);
    some(ops.attention);
    some(ops.ffn_norm);
    block(ops.ffn, Recompute::mlp, "ffn");
    if (!ops.experts.empty() && includes(recompute, Recompute::moe)) {
        forward_experts(s, without_ends(ops, includes(recompute, Recompute::layernorm)), to, again);
        return;
    }
    some(ops.pre_dispatch);
    some(ops.experts);
    block(ops.shared, Recompute::shared_experts, "shared expert");
}

void forward_attention(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                       std::string_view prefix) {
    if (ops.attention.empty()) {
        return;
    }
    Traffic const traffic{s, to};
    to.compute(ops.attention_norm, prefix);
    traffic.block(ops.gathered_columns, ops.attention, "attention", prefix);
    if (s.plan.adapters) {
        to.compute(adapter_operations(s), prefix);
    }
    to.compute(ops.attention_residual, prefix);
}

void backward_attention(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                        BackwardPart part) {
    if (ops.attention.empty()) {
        return;
    }
    Traffic const traffic{s, to, part};
    traffic.backward(ops.attention_residual);
    if (s.plan.adapters) {
        backward_adapters(s, to, part);
    }
    traffic.block_backward(ops.gathered_columns, ops.attention, "attention");
    traffic.backward(ops.attention_norm);
}

void forward_ffn(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                 std::string_view prefix) {
    if (ops.ffn.empty()) {
        return;
    }
    to.compute(ops.ffn_norm, prefix);
    Traffic{s, to}.block(s.model.hidden, ops.ffn, "ffn", prefix);
    to.compute(ops.ffn_residual, prefix);
}

void backward_ffn(StageSetting const& s, model::LayerOperations const& ops, BlockBuilder& to,
                  BackwardPart part) {
    if (ops.ffn.empty()) {
        return;
    }
    Traffic const traffic{s, to, part};
    traffic.backward(ops.ffn_residual);
    traffic.block_backward(s.model.hidden, ops.ffn, "ffn");
    traffic.backward(ops.ffn_norm);
}

void forward_layer(StageSetting const& s, int layer, BlockBuilder& to, std::string_view prefix) {
    auto const ops = model::layer_operations(s.model, layer, s.shape);
    forward_attention(s, ops, to, prefix);
    if (model::is_moe_layer(s.model, layer)) {
        forward_experts(s, ops, to, prefix);
    } else {
        forward_ffn(s, ops, to, prefix);
    }
    host_of_layer(s, layer, to, host_forward_share);
}

void backward_layer(StageSetting const& s, int layer, BlockBuilder& to, BackwardPart part) {
    auto const ops = model::layer_operations(s.model, layer, s.shape);
    auto const recompute = [&] {
        auto const kind =
            part == BackwardPart::weights ? Recompute::none : recompute_of(s.group, s.model, layer);
        if (kind == Recompute::full) {
            forward_layer(s, layer, to, again);
        } else {
            recompute_selected(s, kind, ops, to);
        }
    };
    if (model::is_moe_layer(s.model, layer)) {
        backward_experts(s, ops, to, part, recompute);
    } else {
        recompute();
        backward_ffn(s, ops, to, part);
    }
    backward_attention(s, ops, to, part);
    host_of_layer(s, layer, to, part == BackwardPart::both ? host_backward_share : host_backward_share / 2);
}

void forward_one_head(StageSetting const& s, BlockBuilder& to) {
    to.compute(model::final_norm_operations(s.model, s.shape));
    Traffic{s, to}.gather(s.model.hidden, "head");
    to.compute(model::head_operations(s.model, s.shape));
}

void backward_one_head(StageSetting const& s, BlockBuilder& to, BackwardPart part) {
    Traffic const traffic{s, to, part};
    traffic.backward(model::head_operations(s.model, s.shape));
    if (part != BackwardPart::weights) {
        traffic.reduce(s.model.hidden, "head gradient");
    }
    traffic.backward(model::final_norm_operations(s.model, s.shape));
}

void forward_head(StageSetting const& s, BlockBuilder& to) {
    for (int module = 0; module <= s.model.mtp_depth; ++module) {
        if (module > 0) {
            to.compute(model::mtp_operations(s.model, s.shape));
            forward_layer(s, s.model.layers - 1 + module, to);
        }
        forward_one_head(s, to);
    }
}

void backward_head(StageSetting const& s, BlockBuilder& to, BackwardPart part) {
    Traffic const traffic{s, to, part};
    for (int module = s.model.mtp_depth; module >= 0; --module) {
        backward_one_head(s, to, part);
        if (module > 0) {
            backward_layer(s, s.model.layers - 1 + module, to, part);
            traffic.backward(model::mtp_operations(s.model, s.shape));
        }
    }
}

} // namespace moesaic::parallel
