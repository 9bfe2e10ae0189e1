#include "base/errors.hpp"
#include "model/layer_operations.hpp"
#include "model/precision.hpp"
#include "unit/model/models.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace moesaic;
using namespace moesaic::model;

namespace {

std::size_t at(ProductPart part) { return static_cast<std::size_t>(part); }

Precision narrow() { return {.gemm = Dtype::nvfp4, .dispatch = Dtype::fp8, .attention = Dtype::mxfp8}; }

/// Latent attention, linear attention with gates in two factors, dense and expert layers, shared and latent experts, and MTP.
Model const& with_all_parts() {
    static Model const model = model_of(R"(
        id = "all_parts"
        [shape]
        source = "test"
        layers = 6
        hidden = 64
        vocab = 128
        sequence_length = 32
        dense_ffn = 128
        mtp_depth = 1
        [attention]
        source = "test"
        kind = "gqa"
        heads = 4
        kv_heads = 2
        head_dim = 16
        full_attention_every = 2
        [linear_attention]
        source = "test"
        heads = 4
        key_dim = 16
        delta_rule = true
        decay = "channel"
        decay_rank = 8
        gate_rank = 8
        output_gate = true
        [moe]
        source = "test"
        experts = 8
        topk = 2
        expert_ffn = 32
        shared_experts = 2
        shared_ffn_total = 64
        latent = 16
        leading_dense_layers = 2
    )");
    return model;
}

Operations all_of(LayerOperations const& layer) {
    Operations out;
    for (auto const* list :
         {&layer.attention_norm, &layer.attention, &layer.attention_residual, &layer.ffn_norm, &layer.ffn,
          &layer.ffn_residual, &layer.pre_dispatch, &layer.experts, &layer.shared, &layer.post_combine}) {
        out.insert(out.end(), list->begin(), list->end());
    }
    return out;
}

/// Format of each product by its role and layer; the router's left out.
std::map<std::pair<int, std::string>, Dtype> formats(Precision const& precision) {
    std::map<std::pair<int, std::string>, Dtype> out;
    auto const& model = with_all_parts();
    for (int layer = 0; layer <= model.layers; ++layer) {
        auto ops = all_of(layer_operations(model, layer, {.precision = precision, .sequence_length = 32}));
        if (layer == model.layers) {
            auto const before = mtp_operations(model, {.precision = precision, .sequence_length = 32});
            ops.insert(ops.end(), before.begin(), before.end());
        }
        for (auto const& op : ops) {
            if (has_weights(op.kind) && (op.kind == OpKind::gemm || op.kind == OpKind::grouped_gemm) &&
                op.role != "router") {
                out[{layer, op.role}] = op.dtype;
            }
        }
    }
    return out;
}

/// Roles of products that have another format with the one than with the other, and their layers.
struct Changed {
    std::set<std::string> roles;
    std::set<int> layers;
};
Changed changed(Precision const& from, Precision const& to) {
    Changed out;
    auto const before = formats(from);
    for (auto const& [product, format] : formats(to)) {
        if (before.at(product) != format) {
            out.layers.insert(product.first);
            out.roles.insert(product.second);
        }
    }
    return out;
}

Changed widened(ProductPart part) {
    auto precision = narrow();
    precision.wider[at(part)] = Dtype::bf16;
    return changed(narrow(), precision);
}

bool is_quantised(Operations const& ops, std::string const& role) {
    return std::ranges::any_of(
        ops, [&](auto const& op) { return op.kind == OpKind::quantise && op.role == role; });
}

} // namespace

TEST_CASE("a part with a wider format widens its own products alone", "[model]") {
    using Roles = std::set<std::string>;
    CHECK(widened(ProductPart::attention).roles == Roles{"qkv", "attention_out"});
    CHECK(widened(ProductPart::attention).layers == std::set<int>{1, 3, 5, 6}); // of MTP, too
    CHECK(widened(ProductPart::linear_in).roles == Roles{"linear_in", "linear_decay", "linear_gate"});
    CHECK(widened(ProductPart::linear_out).roles == Roles{"attention_out"});
    CHECK(widened(ProductPart::linear_out).layers == std::set<int>{0, 2, 4});
    CHECK(widened(ProductPart::ffn).roles == Roles{"ffn_up", "ffn_down"});
    CHECK(widened(ProductPart::experts).roles == Roles{"expert_up", "expert_down"});
    CHECK(widened(ProductPart::shared_experts).roles == Roles{"shared_up", "shared_down"});
    CHECK(widened(ProductPart::latent).roles == Roles{"latent_down", "latent_up"});
    auto const mtp = widened(ProductPart::mtp);
    CHECK(mtp.layers == std::set{with_all_parts().layers});
    CHECK(mtp.roles.size() == 9); // of its attention, experts, shared and latent ones, and its projection
}

TEST_CASE("a part has the wider of its own format and that of the other products", "[model]") {
    auto precision = narrow();
    precision.wider[at(ProductPart::attention)] = Dtype::mxfp8;
    CHECK(format_of(precision, ProductPart::attention) == Dtype::mxfp8);
    CHECK(format_of(precision, ProductPart::ffn) == Dtype::nvfp4);
    precision.gemm = Dtype::fp8; // as wide: that of the pool
    CHECK(format_of(precision, ProductPart::attention) == Dtype::fp8);
    precision.gemm = Dtype::bf16;
    CHECK(format_of(precision, ProductPart::attention) == Dtype::bf16);
}

TEST_CASE("inputs of wide products are not quantised, and those of narrow ones are", "[model]") {
    auto precision = narrow();
    precision.wider[at(ProductPart::ffn)] = Dtype::bf16;
    auto const ops = layer_operations(with_all_parts(), 0, {.precision = precision, .sequence_length = 32});
    CHECK_FALSE(is_quantised(ops.ffn, "ffn_up"));
    CHECK(is_quantised(ops.attention, "linear_in"));
    auto const back = backward_of(ops.ffn);
    CHECK_FALSE(is_quantised(back.input_gradient, "ffn_down"));
}

TEST_CASE("layers at the ends do all in the activations' format, as if the model had no other", "[model]") {
    auto precision = narrow();
    precision.first_wide = 1;
    precision.last_wide = 2;
    auto const& model = with_all_parts();
    CHECK(changed(narrow(), precision).layers == std::set{0, 4, 5});
    for (int layer = 0; layer <= model.layers; ++layer) {
        bool const wide = layer == 0 || layer == 4 || layer == 5;
        auto const same = wide ? Precision{} : narrow();
        LayerShape const shape{.precision = precision, .sequence_length = 32};
        LayerShape const plain{.precision = same, .sequence_length = 32};
        auto const ops = layer_operations(model, layer, shape);
        CHECK(all_of(ops) == all_of(layer_operations(model, layer, plain)));
        if (is_moe_layer(model, layer)) {
            CHECK(ops.dispatch == (wide ? Dtype::bf16 : Dtype::fp8));
        }
    }
}

TEST_CASE("formats of a layer are settled once", "[model]") {
    auto precision = narrow();
    precision.first_wide = 2;
    precision.wider[at(ProductPart::mtp)] = Dtype::bf16;
    precision.wider[at(ProductPart::latent)] = Dtype::mxfp8;
    for (int layer = 0; layer <= with_all_parts().layers; ++layer) {
        auto const once = precision_of_layer(precision, with_all_parts(), layer);
        CHECK(precision_of_layer(once, with_all_parts(), layer) == once);
    }
}

TEST_CASE("layers whose formats differ have other numbers", "[model]") {
    auto const& model = with_all_parts();
    auto precision = narrow();
    precision.last_wide = 1;
    CHECK(formats_of_layer(precision, model, 4) == 0);
    CHECK(formats_of_layer(precision, model, 5) != 0);
    CHECK(formats_of_layer(precision, model, 6) == 0); // MTP is no layer of the model
    precision.wider[at(ProductPart::mtp)] = Dtype::mxfp8;
    CHECK(formats_of_layer(precision, model, 6) != 0);
    CHECK(formats_of_layer(precision, model, 6) != formats_of_layer(precision, model, 5));
    Precision in_16_bit;
    in_16_bit.last_wide = 1;
    CHECK(formats_of_layer(in_16_bit, model, 5) == 0); // no format is narrow
}

TEST_CASE("a gate is fused into products of the narrow format alone", "[model]") {
    auto const activations = [](Precision const& precision, int layer) {
        auto const ops = layer_operations(
            with_all_parts(), layer, {.precision = precision, .sequence_length = 32, .fused_gate = true});
        return std::ranges::count(ops.experts, OpKind::gated_activation, &Operation::kind);
    };
    auto precision = narrow();
    precision.last_wide = 1;
    CHECK(activations(precision, 4) == 0);
    CHECK(activations(precision, 5) == 1);
    precision.wider[at(ProductPart::experts)] = Dtype::bf16;
    CHECK(activations(precision, 4) == 1);
}

TEST_CASE("formats change no FLOP", "[model]") {
    auto precision = narrow();
    precision.first_wide = 2;
    precision.wider[at(ProductPart::latent)] = Dtype::bf16;
    for (int layer = 0; layer <= with_all_parts().layers; ++layer) {
        auto const flop = [&](Precision const& p) {
            return flop_of(
                all_of(layer_operations(with_all_parts(), layer, {.precision = p, .sequence_length = 32})));
        };
        CHECK(flop(precision) == flop({}));
    }
}
