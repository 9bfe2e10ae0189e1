#include "parallel/layer_activations.hpp"

#include "model/layer_operations.hpp"
#include "parallel/layer_pass.hpp"

#include <algorithm>
#include <array>

namespace moesaic::parallel {

double bytes_with_scales(Dtype dtype) {
    double const bytes = bytes_per_element(dtype);
    switch (dtype) {
    case Dtype::fp8_block: // fp32 for 128
        return bytes + 4.0 / 128.0;
    case Dtype::mxfp8: // one byte for 32
    case Dtype::mxfp4:
        return bytes + 1.0 / 32.0;
    case Dtype::nvfp4: // one byte for 16
        return bytes + 1.0 / 16.0;
    default:
        return bytes;
    }
}

namespace {

/// What a token keeps of a layer, in elements by who reads them again.
struct KeptElements {
    double wide = 0;          ///< kept in the activations' format whatever the plan
    double inputs = 0;        ///< products alone
    double gates = 0;         ///< the activation
    double routed = 0;        ///< the router, and the shared expert's product where there is one
    double attention_out = 0; ///< attention's backward and a product
    double copies = 0;        ///< products, of the above; theirs where each keeps its own

    KeptElements& operator+=(KeptElements const& other) {
        wide += other.wide;
        inputs += other.inputs;
        gates += other.gates;
        routed += other.routed;
        attention_out += other.attention_out;
        copies += other.copies;
        return *this;
    }
    [[nodiscard]] KeptElements over(double ranks) const {
        return {.wide = wide / ranks,
                .inputs = inputs / ranks,
                .gates = gates / ranks,
                .routed = routed / ranks,
                .attention_out = attention_out / ranks,
                .copies = copies / ranks};
    }
};

/// @param products format of the products that read these elements
double bytes_of(KeptElements const& kept, StageSetting const& s, Dtype products) {
    double const wide = bytes_per_element(s.shape.precision.activations);
    if (s.plan.kept_inputs) {
        double const narrow = bytes_per_element(*s.plan.kept_inputs);
        return kept.wide * wide + (kept.inputs + kept.gates + kept.routed) * narrow +
               kept.attention_out * (narrow < wide ? 1.5 : wide);
    }
    double const others = kept.wide + kept.gates + kept.routed + kept.attention_out;
    if (s.plan.quantised_inputs_kept && bytes_per_element(products) < wide) {
        return others * wide + (kept.inputs + kept.copies) * bytes_with_scales(products);
    }
    return (others + kept.inputs) * wide;
}

using model::ProductPart;

/// What a token keeps of a layer, by the part whose products read it; what none of them reads, anywhere.
class KeptByPart {
  public:
    KeptElements& operator[](ProductPart part) { return parts_[static_cast<std::size_t>(part)]; }
    /// @param precision of the layer
    [[nodiscard]] double bytes(StageSetting const& s, model::Precision const& precision) const {
        double sum = 0;
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            auto kept = parts_[i];
            if (s.plan.adapters) {
                // Frozen weights have no gradient, so that their products keep no input and the router nothing (Transformer Engine's
                // linear.py: only what requires_grad).
                kept.inputs = kept.routed = kept.copies = 0;
            }
            sum += bytes_of(kept, s, model::format_of(precision, static_cast<ProductPart>(i)));
        }
        return sum;
    }

  private:
    std::array<KeptElements, model::product_parts> parts_{};
};

/// Whether a part of elementwise work runs again.
bool is_again(Recompute recompute, Recompute part) {
    return includes(recompute, part) || recompute == Recompute::operators;
}

bool up_again(model::Mixer const& mixer, Recompute recompute) {
    return std::holds_alternative<model::Mla>(mixer) && includes(recompute, Recompute::mla_up_proj);
}

/// Heads of keys that a tensor rank holds, one at least.
double key_heads_on_rank(model::Mixer const& mixer, double tensor) {
    return std::max(1.0, model::kv_heads_of(mixer) / tensor);
}

/// Queries and keys before their own norms, of which the others come again where norms run again.
double before_head_norms(model::Mixer const& mixer, double tensor, Recompute recompute) {
    auto const* gqa = std::get_if<model::Gqa>(&mixer);
    bool const kept = gqa && gqa->qk_norm && !is_again(recompute, Recompute::inner_norms);
    return kept ? (gqa->heads / tensor + key_heads_on_rank(mixer, tensor)) * gqa->head_dim : 0.0;
}

/// Of linear attention on a rank: what the convolution, the kernels and the gate read, what the kernels give, and that gated; with the
/// delta rule the triangular inverse of each chunk (flash-linear-attention keeps these, and computes the states between chunks again).
void keep_of_linear(KeptByPart& to, StageSetting const& s, model::LinearAttention const& a,
                    Recompute recompute) {
    double const tensor = s.group.tensor, heads = a.heads / tensor;
    double const queries_and_keys = 2.0 * key_heads_on_rank(a, tensor) * a.key_dim,
                 values = heads * a.value_dim;
    double const normed = a.qk_norm && !is_again(recompute, Recompute::inner_norms) ? queries_and_keys : 0.0;
    double const convolved = a.convolution > 0 ? queries_and_keys + values : 0.0;
    double const inverse = a.delta_rule ? heads * model::chunk_of_linear_attention : 0.0;
    double const decay = a.decay == model::Decay::channel ? heads * a.key_dim : 0.0;
    to[ProductPart::linear_in] += {
        .wide = queries_and_keys + values + convolved + normed + inverse + decay +
                (a.output_gate ? 2.0 : 0.0) * values,
        .inputs = static_cast<double>(a.decay_rank + a.gate_rank)}; // between two factors, whole on each rank
    auto& out = to[ProductPart::linear_out];
    // the product behind it reads that, or the adapter beside it
    (s.plan.adapters ? out.wide : out.inputs) += values;
}

/// Context ranks that share heads give attention's output away before the product reads it: its backward keeps what it gave,
/// the product what came (Transformer Engine since 2.8; it sent the output a second time before).
bool gives_output_away(StageSetting const& s, Recompute recompute) {
    return s.shape.shard.context_by_heads && s.shape.shard.context > 1 &&
           !includes(recompute, Recompute::selective);
}

/// What attention gives, and its gate where it has one, which then is what the product behind it reads.
KeptElements kept_of_output(StageSetting const& s, bool gated, double out, Recompute recompute) {
    bool const away = gives_output_away(s, recompute);
    KeptElements kept;
    if (gated) {
        kept.wide = (away ? 3.0 : 2.0) * out;
        (s.plan.adapters ? kept.wide : kept.inputs) += out;
        return kept;
    }
    kept.attention_out = out;
    auto& read_by_product = s.plan.adapters ? kept.wide : kept.inputs; // or by the adapter beside it
    (away ? read_by_product : kept.copies) += out;
    return kept;
}

/// Of attention, divided by what tensor ranks share; the layer's own inputs apart.
KeptElements kept_of_attention(StageSetting const& s, model::Mixer const& mixer, Recompute recompute) {
    double const tensor = s.group.tensor, heads = model::heads_of(mixer) / tensor;
    auto const* gqa = std::get_if<model::Gqa>(&mixer);
    auto const* mla = std::get_if<model::Mla>(&mixer);
    double const query_key_value =
        heads * model::key_dim(mixer) +
        key_heads_on_rank(mixer, tensor) * (model::key_dim(mixer) + model::value_dim(mixer));
    bool const again = up_again(mixer, recompute);
    // attention keeps its inputs as they came from other ranks (Transformer Engine's AttnFuncWithCPAndQKVOA2A)
    bool const come = s.shape.shard.context_by_heads && s.shape.shard.context > 1;
    // of two products, the second runs again
    double const products = again && !come ? 0.0 : recompute == Recompute::operators ? 0.5 : 1.0;
    KeptElements kept{.wide = products * query_key_value + before_head_norms(mixer, tensor, recompute)};
    kept += kept_of_output(s, gqa && gqa->output_gate, heads * model::value_dim(mixer), recompute);
    if (mla) { // before and after their norms, whole on each rank
        double const compressed = mla->q_lora_rank + mla->kv_lora_rank;
        kept += {.wide = compressed,
                 .inputs = again || includes(recompute, Recompute::inner_norms) ? 0.0 : compressed};
    }
    if (!includes(recompute, Recompute::selective)) {
        kept.wide += heads * 2.0; // one fp32 statistic per head
    }
    return kept;
}

/// @param norm elements of a token's normed input, where it is not computed again
void keep_of_mixer(KeptByPart& to, StageSetting const& s, model::Mixer const& mixer, Recompute recompute,
                   double norm) {
    auto const* linear = std::get_if<model::LinearAttention>(&mixer);
    auto& in = to[linear ? ProductPart::linear_in : ProductPart::attention];
    (s.plan.adapters ? in.wide : in.inputs) += norm; // the product reads it, or the adapter beside it
    if (linear) {
        keep_of_linear(to, s, *linear, recompute);
    } else {
        in += kept_of_attention(s, mixer, recompute);
    }
}

/// Bytes of a token's attention maps: softmax in 16 bit; with dropout its mask and what it leaves.
double map_bytes(StageSetting const& s, model::Mixer const& mixer, Recompute recompute) {
    if (s.plan.fused_attention || includes(recompute, Recompute::selective) || model::is_linear(mixer)) {
        return 0.0;
    }
    double const cells =
        static_cast<double>(model::heads_of(mixer)) / s.group.tensor * s.shape.sequence_length;
    return cells * (s.model.dropout ? 5.0 : 2.0);
}

/// Inner rows of one FFN: gate and up (or up alone), and the activation's output unless it is computed again.
/// @param act its activation
KeptElements kept_of_ffn(model::Model const& model, double inner, Recompute recompute, Recompute act) {
    double const products = recompute == Recompute::operators ? 0.5 : 1.0;
    double const activation = is_again(recompute, act) ? 0.0 : 1.0;
    return {.inputs = inner * activation, .gates = inner * (model.gated_ffn ? 2.0 : 1.0) * products};
}

/// Of a copy: as sent to its expert, and the expert's inner row.
KeptElements kept_in_expert(StageSetting const& s, Recompute recompute) {
    auto kept = kept_of_ffn(s.model, s.model.moe->expert_ffn, recompute, Recompute::moe_act)
                    .over(s.kind.expert_tensor);
    kept += {.inputs = static_cast<double>(model::expert_columns(s.model))};
    return kept;
}

/// Of a token: the copies as they come back from the experts, and what the router gave.
KeptElements kept_of_returned(StageSetting const& s, double copies) {
    double const back = s.plan.weighted_activation ? 0.0 : model::expert_columns(s.model);
    return {.wide = copies * back + 2.0 * s.model.moe->experts};
}

/// Tokens as sent to the experts and as they come back, the experts' inner rows, and what the router gave.
KeptElements kept_of_experts(StageSetting const& s, Recompute recompute) {
    double const copies = s.model.moe->topk * s.kind.expert_imbalance;
    if (s.part == Part::attention) { // the rest where the experts are
        return kept_of_returned(s, s.model.moe->topk);
    }
    auto kept = kept_in_expert(s, recompute).over(1.0 / copies);
    kept += kept_of_returned(s, copies);
    return kept;
}

/// Of a dense layer's FFN. @param norm as above
KeptElements kept_of_mlp(StageSetting const& s, Recompute recompute, double norm) {
    if (includes(recompute, Recompute::mlp)) {
        return {.wide = norm};
    }
    KeptElements kept{.inputs = norm};
    kept += kept_of_ffn(s.model, s.model.dense_ffn, recompute, Recompute::activation).over(s.group.tensor);
    return kept;
}

/// Of a layer's experts, shared ones too. @param norm as above
void keep_of_moe(KeptByPart& to, StageSetting const& s, Recompute recompute, double norm) {
    auto& experts = to[ProductPart::experts];
    if (includes(recompute, Recompute::moe)) {
        experts.wide += norm;
        return;
    }
    int const shared = s.model.moe->shared_ffn_total;
    bool const shared_again = shared > 0 && includes(recompute, Recompute::shared_experts);
    (shared_again ? experts.wide : experts.routed) += norm;
    experts += kept_of_experts(s, recompute).over(s.group.tensor);
    if (int const latent = s.model.moe->latent; latent > 0) { // read by the ways back and there
        to[ProductPart::latent] += {.inputs = static_cast<double>(latent) / s.group.tensor, .copies = norm};
    }
    if (shared > 0 && !shared_again) {
        auto& ffn = to[ProductPart::shared_experts];
        ffn.copies += norm;
        ffn += kept_of_ffn(s.model, shared, recompute, Recompute::activation).over(s.group.tensor);
    }
}

/// What the experts of this rank keep of a micro-batch, where they lie apart.
Bytes kept_by_own_experts(StageSetting const& s, int layer, Recompute recompute) {
    if (experts_of(s, layer) == 0) {
        return {};
    }
    double const rows = model::expert_rows(*s.model.moe, shape_of(s, layer));
    KeptElements const input{.inputs = static_cast<double>(model::expert_columns(s.model))};
    auto const precision = model::precision_of_layer(s.shape.precision, s.model, layer);
    return Bytes{rows * bytes_of(recompute == Recompute::full ? input : kept_in_expert(s, recompute), s,
                                 model::format_of(precision, ProductPart::experts))};
}

/// Outside of experts that lie apart.
Bytes stage_activation_bytes(StageSetting const& s, int layer, Recompute recompute) {
    auto const& model = s.model;
    double const tensor = s.group.tensor;
    double const tokens = static_cast<double>(model::group_rows(s.shape));
    // ranks that share rows between the blocks
    double const own = s.shape.shard.sequence_parallel ? tensor : 1.0;
    if (recompute == Recompute::full) {
        KeptElements kept{.wide = model.hidden / own};
        if (s.part == Part::attention && model::is_moe_layer(model, layer)) { // nothing is sent a second time
            kept += kept_of_returned(s, model.moe->topk).over(tensor);
        }
        return Bytes{tokens * bytes_of(kept, s, s.shape.precision.activations)};
    }
    double const norm =
        is_again(recompute, Recompute::layernorm) ? 0.0 : model.hidden / own; // output of either of the two
    auto const mixer = model::mixer_of(model, layer);
    bool const mixes = model::heads_of(mixer) > 0, experts = model::is_moe_layer(model, layer);
    double const blocks = (mixes ? 1.0 : 0.0) + (experts || model::has_dense_ffn(model, layer) ? 1.0 : 0.0);
    KeptByPart kept;
    kept[ProductPart::ffn].wide = blocks * model.hidden / own; // what goes round the blocks
    if (mixes) {
        keep_of_mixer(kept, s, mixer, recompute, norm);
    }
    if (experts) {
        keep_of_moe(kept, s, recompute, norm);
    } else if (model::has_dense_ffn(model, layer)) {
        kept[ProductPart::ffn] += kept_of_mlp(s, recompute, norm);
    }
    double const masks = model.dropout ? blocks * model.hidden / own : 0.0; // one byte each
    auto const precision = model::precision_of_layer(s.shape.precision, model, layer);
    return Bytes{tokens * (kept.bytes(s, precision) + masks + map_bytes(s, mixer, recompute))};
}

} // namespace

Bytes activation_bytes(StageSetting const& s, int layer, Recompute recompute) {
    switch (s.part) {
    case Part::all:
        return stage_activation_bytes(s, layer, recompute);
    case Part::attention:
        return stage_activation_bytes(s, layer, recompute) + kept_by_own_experts(s, layer, recompute);
    case Part::experts:
        return kept_by_own_experts(s, layer, recompute);
    }
    return {};
}

Bytes waiting_bytes(StageSetting const& s, int layer) {
    double bytes = 0;
    auto const add = [&](model::Operations const& part) {
        for (auto const& op : part) {
            if (model::has_weights(op.kind)) {
                bytes += static_cast<double>(op.m * (op.n + op.k) * op.batch) * bytes_per_element(op.dtype);
            }
        }
    };
    if (s.plan.adapters) { // nothing else is trained
        if (model::heads_of(model::mixer_of(s.model, layer)) > 0) {
            add(adapter_operations(s));
        }
        return Bytes{bytes};
    }
    auto const ops = model::layer_operations(s.model, layer, s.shape);
    for (auto const* part : {&ops.attention_norm, &ops.attention, &ops.ffn, &ops.pre_dispatch, &ops.experts,
                             &ops.shared, &ops.post_combine}) {
        add(*part);
    }
    return Bytes{bytes};
}

namespace {

/// Of a logit, while the loss's backward is at work: itself and its gradient, its gradient, or nothing.
double beside_kept(LossMemory memory) {
    switch (memory) {
    case LossMemory::softmax:
        return 2.0;
    case LossMemory::logits:
        return 1.0;
    case LossMemory::in_place:
        return 0.0;
    }
    return 0.0;
}

} // namespace

HeadBytes head_bytes(StageSetting const& s) {
    if (s.part == Part::experts) {
        return {};
    }
    constexpr double softmax = 4.0; // of fp32
    double const rows = static_cast<double>(model::group_rows(s.shape));
    double const element = bytes_per_element(s.group.precision.activations);
    double const columns = static_cast<double>(s.model.vocab) / s.group.tensor;
    double const heads = 1.0 + s.model.mtp_depth;
    bool const wide = s.plan.loss_memory == LossMemory::softmax;
    return {.kept = Bytes{heads * rows * columns * (wide ? softmax : element)},
            .waiting = Bytes{s.plan.adapters ? 0.0 : heads * rows * (columns + s.model.hidden) * element},
            .at_work = Bytes{beside_kept(s.plan.loss_memory) * rows * columns * element}};
}

} // namespace moesaic::parallel
