#include "base/errors.hpp"
#include "model/layer_operations.hpp"
#include "model/model_flop.hpp"
#include "unit/model/models.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

namespace {

using Segment = Operations LayerOperations::*;
constexpr Segment all_segments[] = {
    &LayerOperations::attention_norm, &LayerOperations::attention, &LayerOperations::attention_residual,
    &LayerOperations::ffn_norm,       &LayerOperations::ffn,       &LayerOperations::ffn_residual,
    &LayerOperations::pre_dispatch,   &LayerOperations::experts,   &LayerOperations::shared,
    &LayerOperations::post_combine};

Flop layer_flop(LayerOperations const& layer) {
    Flop sum;
    for (auto const segment : all_segments) {
        sum += flop_of(layer.*segment);
    }
    return sum;
}

/// Forward FLOP of one micro-batch on one rank, all layers, head and MTP modules.
Flop rank_flop(Model const& model, LayerShape const& shape) {
    auto const head = flop_of(head_operations(model, shape));
    Flop sum = head;
    for (int layer = 0; layer < model.layers; ++layer) {
        sum += layer_flop(layer_operations(model, layer, shape));
    }
    auto const mtp = layer_flop(layer_operations(model, model.layers, shape)) +
                     flop_of(mtp_operations(model, shape)) + head;
    return sum + model.mtp_depth * mtp;
}

/// What kernels do in chunks, and a convolution with vectors, the formula has as a recurrence and as products: of all layers, per token.
double formula_less_kernels(Model const& model) {
    double sum = 0;
    for (int layer = 0; layer < model.layers + model.mtp_depth; ++layer) {
        auto const mixer = mixer_of(model, layer);
        if (auto const* a = std::get_if<LinearAttention>(&mixer)) {
            double const k = a->key_dim, v = a->value_dim, c = chunk_of_linear_attention;
            double const chunked = a->delta_rule ? c * (3 * k + 2 * v) + 3 * k * v : c * (k + v) + 2 * k * v;
            sum += 2 * a->heads * ((a->delta_rule ? 3 : 2) * k * v - chunked);
            sum += 2.0 * a->convolution * (2 * a->key_heads * k + a->heads * v);
        }
    }
    return sum;
}

/// Work that every tensor rank does on its own copy of the rows counts once only if rows are split: router
/// and compressing projections. So the ranks add up to the formula with sequence parallelism.
double ranks_over_formula(Model const& model, LayerShape const& shape) {
    double const tokens = static_cast<double>(shape.micro_batch) * shape.sequence_length;
    double const ranks = shape.shard.tensor * shape.shard.context;
    auto const formula = forward_flop_per_token(model, shape.sequence_length, FlopConvention::causal_half);
    return ranks * rank_flop(model, shape).value() /
           (tokens * (formula.value() - formula_less_kernels(model)));
}

LayerShape plain_shape(int sequence_length) { return {.sequence_length = sequence_length}; }

std::vector<std::string> texts(Operations const& operations) {
    std::vector<std::string> out;
    for (auto const& op : operations) {
        out.push_back(op.role + ": " + text_of(op));
    }
    return out;
}

Model const& small_moe() {
    static Model const model = model_of(R"(
        id = "small"
        [shape]
        source = "test"
        layers = 2
        hidden = 64
        vocab = 128
        sequence_length = 32
        [attention]
        source = "test"
        kind = "gqa"
        heads = 4
        kv_heads = 2
        head_dim = 16
        [moe]
        source = "test"
        experts = 8
        topk = 2
        expert_ffn = 32
        shared_experts = 1
    )");
    return model;
}

} // namespace

TEST_CASE("the operations of every shipped model do the FLOP of the formula", "[model]") {
    auto const catalogue = shipped_models();
    for (auto const& id : catalogue.ids()) {
        auto const model = catalogue.model(id, Origin::whole_file("test"));
        INFO(id);
        // 552960 = 4096 x 135 rows: every expert of 64, 72, 128, 160, 256 or 384 gets a whole number of them
        CHECK(ranks_over_formula(model, plain_shape(552960)) == Approx(1.0).epsilon(1e-9));
    }
}

TEST_CASE("the ranks of any split together do the FLOP of the formula", "[model]") {
    auto const id = GENERATE(as<std::string>{}, "ling_plus", "ling_lite", "deepseek_v3", "mixtral_8x7b",
                             "llama2_70b", "gpt3_175b", "ring_mini_linear_2", "nemotron_h_56b");
    auto const tensor = GENERATE(1, 2, 4);
    auto const context = GENERATE(1, 2);
    auto const by_heads = GENERATE(false, true);
    auto const micro_batch = GENERATE(1, 3);
    auto const expert = GENERATE(1, 4, 8);
    auto const expert_tensor = GENERATE(1, 2);
    auto const model = shipped_model(id);
    bool const moe = model.moe.has_value();
    if (!moe && expert * expert_tensor > 1) {
        return; // nothing to divide
    }
    LayerShape const shape{.shard = {.tensor = tensor,
                                     .context = context,
                                     .expert = expert,
                                     .expert_tensor = expert_tensor,
                                     .sequence_parallel = true,
                                     .context_by_heads = by_heads},
                           .micro_batch = micro_batch,
                           .sequence_length = 4096};
    if ((by_heads || model.linear) && problem_with(model, shape.shard)) {
        return; // a tensor rank has one key-value head, or context ranks share queries of linear attention
    }
    INFO(id << " tensor " << tensor << " context " << context << (by_heads ? " by heads" : " by queries")
            << " expert " << expert << "x" << expert_tensor);
    CHECK(ranks_over_formula(model, shape) == Approx(1.0).epsilon(1e-9));
}

TEST_CASE("a context rank attends with all heads from its own queries, or with its heads from all queries",
          "[model]") {
    auto const attention = [](bool by_heads) {
        Shard const shard{.context = 2, .context_by_heads = by_heads};
        auto const ops = layer_operations(small_moe(), 0, {.shard = shard, .sequence_length = 32}).attention;
        return texts(ops).at(2);
    };
    CHECK(attention(false) == "attention: attention bf16 16x32x16 heads 4/2 causal");
    CHECK(attention(true) == "attention: attention bf16 32x32x16 heads 2/1 causal");
}

TEST_CASE("a loaded rank does more expert work in the same proportion", "[model]") {
    auto const model = shipped_model("ling_plus");
    LayerShape shape{.shard = {.expert = 8}, .sequence_length = 4096};
    auto const balanced = flop_of(layer_operations(model, 0, shape).experts);
    shape.expert_load = 1.5;
    CHECK(flop_of(layer_operations(model, 0, shape).experts).value() == Approx(1.5 * balanced.value()));
    // uneven experts per rank: 12 of 64 instead of 8, with the rows that come to them
    shape.local_experts = 12;
    auto const ops = layer_operations(model, 0, shape).experts;
    auto const up = std::ranges::find(ops, std::string{"expert_up"}, &Operation::role);
    REQUIRE(up != ops.end());
    CHECK(up->batch == 12);
    CHECK(up->m * 12 == 4096 * 4 * 3 / 2); // 4096 tokens, top 4, 1.5 times the mean
}

TEST_CASE("a MoE layer on one rank reads as its parts in order", "[model]") {
    auto const layer = layer_operations(small_moe(), 0, {.sequence_length = 32});
    CHECK(texts(layer.attention_norm) == std::vector<std::string>{"attention_norm: rmsnorm bf16 32x64x1"});
    CHECK(texts(layer.attention) ==
          std::vector<std::string>{"qkv: gemm bf16 32x128x64", // 4 + 2 + 2 heads of 16
                                   "rope: rope bf16 32x96x1",
                                   "attention: attention bf16 32x32x16 heads 4/2 causal",
                                   "attention_out: gemm bf16 32x64x64"});
    CHECK(texts(layer.pre_dispatch) ==
          std::vector<std::string>{"ffn_norm: rmsnorm bf16 32x64x1", "router: gemm bf16 32x8x64",
                                   "router: router_topk fp32 32x8x2", "permute: permute bf16 64x64x1"});
    CHECK(texts(layer.experts) ==
          std::vector<std::string>{"expert_up: grouped_gemm bf16 8x64x64 batch 8", // gate and up in one
                                   "expert_activation: gated_activation bf16 64x32x1",
                                   "expert_down: grouped_gemm bf16 8x64x32 batch 8"});
    CHECK(texts(layer.shared) == std::vector<std::string>{"shared_up: gemm bf16 32x64x64",
                                                          "shared_activation: gated_activation bf16 32x32x1",
                                                          "shared_down: gemm bf16 32x64x32"});
    CHECK(texts(layer.post_combine) == std::vector<std::string>{"unpermute: unpermute bf16 64x64x1",
                                                                "shared: add bf16 32x64x1",
                                                                "ffn_residual: add bf16 32x64x1"});
    CHECK(layer.ffn.empty());
}

TEST_CASE("a rank with one expert calls a plain product of the same rows", "[model]") {
    auto const experts_of = [](int expert) {
        LayerShape shape{.sequence_length = 64};
        shape.shard.expert = expert;
        return layer_operations(shipped_model("mixtral_8x7b"), 0, shape).experts;
    };
    auto const up_of = [](Operations const& ops) {
        return *std::ranges::find(ops, std::string{"expert_up"}, &Operation::role);
    };
    auto const two = up_of(experts_of(4)), one = up_of(experts_of(8));
    CHECK(two.kind == OpKind::grouped_gemm);
    CHECK(two.m == 64); // 64 tokens, two copies of each, for two experts
    CHECK(one.kind == OpKind::gemm);
    CHECK(one.m == 128);
}

TEST_CASE("rows from other ranks are sorted by expert before and after the products", "[model]") {
    auto const layer = layer_operations(small_moe(), 0, {.shard = {.expert = 4}, .sequence_length = 32});
    REQUIRE(layer.experts.size() == 5);
    CHECK(layer.experts.front().role == "sort");
    CHECK(layer.experts.back().role == "unsort");
    CHECK(layer.experts[1].batch == 2); // 8 experts over 4 ranks
    CHECK(layer.experts[1].m == 32);    // 64 copies to 2 experts
    // one expert per rank: nothing to sort
    CHECK(layer_operations(small_moe(), 0, {.shard = {.expert = 8}, .sequence_length = 32}).experts.size() ==
          3);
}

TEST_CASE("sequence parallelism splits what tensor ranks would do alike", "[model]") {
    LayerShape shape{.shard = {.tensor = 2}, .sequence_length = 32};
    auto dense = small_moe();
    dense.moe.reset();
    CHECK(layer_operations(dense, 0, shape).attention_norm.front().m == 32);
    shape.shard.sequence_parallel = true;
    auto const layer = layer_operations(small_moe(), 0, shape);
    CHECK(layer.attention_norm.front().m == 16);
    CHECK(layer.attention.front().m == 32); // gathered
    CHECK(own_rows(shape) == 16);
    CHECK(group_rows(shape) == 32);
    CHECK(dispatched_tokens(shape) == 16.0);
}

TEST_CASE("a narrow format quantises the input of each product, not router, attention or head", "[model]") {
    LayerShape const shape{.precision = {.gemm = Dtype::fp8_block}, .sequence_length = 32};
    auto const layer = layer_operations(small_moe(), 0, shape);
    CHECK(texts(layer.attention) ==
          std::vector<std::string>{
              "qkv: quantise fp8_block 32x64x1", "qkv: gemm fp8_block 32x128x64", "rope: rope bf16 32x96x1",
              "attention: attention bf16 32x32x16 heads 4/2 causal",
              "attention_out: quantise fp8_block 32x64x1", "attention_out: gemm fp8_block 32x64x64"});
    CHECK(layer.pre_dispatch[1].dtype == Dtype::bf16);
    CHECK(head_operations(small_moe(), shape).front().dtype == Dtype::bf16);
}

TEST_CASE("tokens dispatched in a narrow format are quantised once, before they are copied", "[model]") {
    LayerShape const shape{.shard = {.expert = 4},
                           .precision = {.gemm = Dtype::fp8_block, .dispatch = Dtype::fp8_block},
                           .sequence_length = 32};
    auto const layer = layer_operations(small_moe(), 0, shape);
    CHECK(layer.pre_dispatch[3].kind == OpKind::quantise);
    CHECK(layer.pre_dispatch[3].m == 32); // tokens, not copies
    CHECK(layer.pre_dispatch[4].dtype == Dtype::fp8_block);
    CHECK(layer.experts[1].role == "expert_up");
    CHECK(layer.experts[1].kind == OpKind::grouped_gemm); // no further quantisation
}

TEST_CASE("only layers with a window ask for an attention of that window, and only where it hides something",
          "[model]") {
    auto const model = shipped_model("gpt_oss_20b");
    auto const window_in = [&](int layer, int sequence_length) {
        auto const ops = layer_operations(model, layer, {.sequence_length = sequence_length}).attention;
        auto const at = std::ranges::find(ops, OpKind::attention, &Operation::kind);
        REQUIRE(at != ops.end());
        return at->window;
    };
    CHECK(window_in(0, 8192) == 128);
    CHECK(window_in(1, 8192) == 0);
    CHECK(window_in(0, 128) == 0);
}

TEST_CASE("unfused attention does the full square in three kernels", "[model]") {
    LayerShape shape{.micro_batch = 2, .sequence_length = 32};
    auto const fused = layer_operations(small_moe(), 0, shape).attention;
    shape.fused_attention = false;
    auto const unfused = layer_operations(small_moe(), 0, shape).attention;
    REQUIRE(unfused.size() == fused.size() + 2);
    CHECK(text_of(unfused[2]) == "bmm bf16 32x32x16 batch 8"); // 2 sequences x 4 heads
    CHECK(text_of(unfused[3]) == "softmax bf16 256x32x1");
    CHECK(text_of(unfused[4]) == "bmm bf16 32x16x32 batch 8");
    CHECK(flop_of(unfused[2]) + flop_of(unfused[4]) == 2.0 * flop_of(fused[2]));
}

TEST_CASE("latent attention compresses before the gather and expands after it", "[model]") {
    auto const model = shipped_model("deepseek_v3");
    LayerShape const shape{.shard = {.tensor = 4, .sequence_parallel = true}, .sequence_length = 4096};
    auto const layer = layer_operations(model, 0, shape);
    CHECK(texts(layer.attention_norm) ==
          std::vector<std::string>{"attention_norm: rmsnorm bf16 1024x7168x1",
                                   "q_down: gemm bf16 1024x1536x7168", "q_norm: rmsnorm bf16 1024x1536x1",
                                   "kv_down: gemm bf16 1024x576x7168", "kv_norm: rmsnorm bf16 1024x512x1"});
    CHECK(layer.attention[0].n == 32 * 192); // 128 heads over 4 ranks
    CHECK(layer.attention[1].n == 32 * 256);
    CHECK(layer.attention[3].kind == OpKind::mla_attention);
    CHECK(layer.attention[3].v_dim == 128);
    CHECK(layer.gathered_columns == 1536 + 512 + 64);
    auto const gathered = [](Model const& m) {
        return layer_operations(m, 0, {.sequence_length = 32}).gathered_columns;
    };
    CHECK(gathered(shipped_model("deepseek_v2_lite")) == 2048 + 512 + 64);
    CHECK(gathered(small_moe()) == 64);
}

TEST_CASE("the backward of a layer is twice the products and two and a half times attention", "[model]") {
    auto const layer = layer_operations(small_moe(), 0, {.sequence_length = 32});
    Flop forward, attention, input_gradient, weight_gradient;
    for (auto const segment : all_segments) {
        auto const& ops = layer.*segment;
        auto const backward = backward_of(ops);
        forward += flop_of(ops);
        input_gradient += flop_of(backward.input_gradient);
        weight_gradient += flop_of(backward.weight_gradient);
        for (auto const& op : ops) {
            attention += op.kind == OpKind::attention ? flop_of(op) : Flop{};
        }
    }
    auto const products = forward - attention;
    CHECK(weight_gradient == products);
    CHECK(input_gradient == products + 2.5 * attention);
}

TEST_CASE("backward runs the forward list from its end, with weight gradients apart", "[model]") {
    auto const layer = layer_operations(small_moe(), 0, {.sequence_length = 32});
    auto const backward = backward_of(layer.attention);
    CHECK(texts(backward.input_gradient) ==
          std::vector<std::string>{"attention_out: gemm bf16 32x64x64 input_gradient",
                                   "attention: attention bf16 32x32x16 heads 4/2 causal backward",
                                   "rope: rope bf16 32x96x1 backward",
                                   "qkv: gemm bf16 32x128x64 input_gradient"});
    CHECK(texts(backward.weight_gradient) ==
          std::vector<std::string>{"attention_out: gemm bf16 32x64x64 weight_gradient",
                                   "qkv: gemm bf16 32x128x64 weight_gradient"});
}

TEST_CASE("backward in a narrow format quantises the output's gradient of each product once", "[model]") {
    LayerShape const shape{.precision = {.gemm = Dtype::fp8}, .sequence_length = 32};
    auto const experts = layer_operations(small_moe(), 0, shape).experts;
    auto const backward = backward_of(experts);
    CHECK(texts(backward.input_gradient) ==
          std::vector<std::string>{
              "expert_down: quantise fp8 64x64x1", // 8 rows x 8 groups, of the hidden size
              "expert_down: grouped_gemm fp8 8x64x32 batch 8 input_gradient",
              "expert_activation: gated_activation bf16 64x32x1 backward", "expert_up: quantise fp8 64x64x1",
              "expert_up: grouped_gemm fp8 8x64x64 batch 8 input_gradient"});
    CHECK(backward.weight_gradient.size() == 2);
}

TEST_CASE("a gate inside the experts' products leaves the products alone, in both directions", "[model]") {
    LayerShape shape{.precision = {.gemm = Dtype::fp8}, .sequence_length = 32};
    auto const apart = layer_operations(small_moe(), 0, shape).experts;
    shape.fused_gate = true;
    auto const fused = layer_operations(small_moe(), 0, shape).experts;
    CHECK(flop_of(fused) == flop_of(apart));
    CHECK(texts(fused) == std::vector<std::string>{"expert_up: quantise fp8 64x64x1",
                                                   "expert_up: grouped_gemm fp8 8x64x64 batch 8",
                                                   "expert_down: grouped_gemm fp8 8x64x32 batch 8"});
    CHECK(texts(backward_of(fused).input_gradient) ==
          std::vector<std::string>{"expert_down: quantise fp8 64x64x1",
                                   "expert_down: grouped_gemm fp8 8x64x32 batch 8 input_gradient",
                                   "expert_up: grouped_gemm fp8 8x64x64 batch 8 input_gradient"});
}

TEST_CASE("attention in a narrow format quantises queries, keys and values first", "[model]") {
    LayerShape const shape{.precision = {.attention = Dtype::fp8}, .sequence_length = 32};
    auto const attention = layer_operations(small_moe(), 0, shape).attention;
    CHECK(texts(attention) ==
          std::vector<std::string>{"qkv: gemm bf16 32x128x64", "rope: rope bf16 32x96x1",
                                   "attention: quantise fp8 32x128x1", // 4 + 2 heads of 16, and 2 of values
                                   "attention: attention fp8 32x32x16 heads 4/2 causal",
                                   "attention_out: gemm bf16 32x64x64"});
}

TEST_CASE("the embedding's gradient is its weight's, and the head computes its loss in fp32", "[model]") {
    LayerShape const shape{.shard = {.tensor = 2}, .sequence_length = 32};
    auto const embedding = backward_of(embedding_operations(small_moe(), shape));
    CHECK(embedding.input_gradient.empty());
    CHECK(embedding.weight_gradient.size() == 1);
    CHECK(texts(head_operations(small_moe(), shape)) ==
          std::vector<std::string>{"head: gemm bf16 32x64x64", "loss: cross_entropy fp32 32x64x1"});
}

TEST_CASE("a layer that cannot be divided so is a mistake of ours, since the plan's reader asked before",
          "[model]") {
    CHECK_THROWS_AS(layer_operations(small_moe(), 0, {.shard = {.tensor = 3}, .sequence_length = 32}),
                    BugError);
    CHECK_THROWS_AS(layer_operations(small_moe(), 0, {.shard = {.expert = 3}, .sequence_length = 32}),
                    BugError);
}
