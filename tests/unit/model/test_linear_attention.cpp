#include "base/errors.hpp"
#include "model/layer_operations.hpp"
#include "model/model_flop.hpp"
#include "model/parameters.hpp"
#include "unit/model/models.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

namespace {

std::string const shape = R"(
id = "hybrid"
[shape]
source = "a"
layers = 4
hidden = 64
vocab = 128
sequence_length = 256
dense_ffn = 128
)";
std::string const attention = R"([attention]
source = "b"
kind = "gqa"
heads = 4
head_dim = 16
)";
std::string const linear = R"([linear_attention]
source = "c"
heads = 8
key_heads = 4
key_dim = 16
value_dim = 8
)";

std::string problem_of(std::string const& toml) {
    try {
        (void)model_of(toml);
        return {};
    } catch (InputError const& error) {
        return error.what();
    }
}

std::vector<std::string> texts(Operations const& operations) {
    std::vector<std::string> out;
    for (auto const& op : operations) {
        out.push_back(op.role + ": " + text_of(op));
    }
    return out;
}

} // namespace

TEST_CASE("the last of so many layers has attention, or those that are listed, the others linear attention",
          "[model]") {
    auto const kinds = [](Model const& model) {
        std::string out;
        for (int layer = 0; layer <= model.layers; ++layer) { // one beyond the last: of an MTP module
            out += is_linear(mixer_of(model, layer)) ? 'l' : 'f';
        }
        return out;
    };
    CHECK(kinds(model_of(shape + attention + "full_attention_every = 2\n" + linear)) == "lflff");
    CHECK(kinds(model_of(shape + attention + "full_attention_layers = [1, 3]\n" + linear)) == "flfll");
    CHECK(kinds(shipped_model("qwen3_next_80b_a3b")).substr(0, 8) == "lllflllf");
    CHECK(kinds(shipped_model("kimi_linear_48b_a3b")).substr(16) == "lllflllfllff"); // and the last
}

TEST_CASE("a letter of the pattern is a layer of one block", "[model]") {
    auto const model = model_of(shape + "pattern = \"M*-M\"\nmtp_depth = 1\n" + attention + linear);
    LayerShape const all{.sequence_length = 256};
    for (int layer = 0; layer < model.layers; ++layer) {
        auto const ops = layer_operations(model, layer, all);
        INFO(layer);
        CHECK(ops.attention.empty() == (layer == 2));
        CHECK(ops.attention_norm.empty() == (layer == 2));
        CHECK(ops.ffn.empty() == (layer != 2));
        CHECK(layer_parameters(model, layer).norms >= 64);
        CHECK(layer_parameters(model, layer).norms <=
              64 + 64); // one norm around its one block, gains behind its state
    }
    auto const module = layer_operations(model, model.layers, all); // both
    CHECK_FALSE(module.attention.empty());
    CHECK_FALSE(module.ffn.empty());
    CHECK(kind_of_layer(model, 0) == kind_of_layer(model, 3));
    CHECK(kind_of_layer(model, 0) != kind_of_layer(model, 1));
}

TEST_CASE("linear attention projects at once, convolves, reads its state and gates what it reads",
          "[model]") {
    auto const model = model_of(shape + attention + "full_attention_every = 2\n" + linear +
                                "delta_rule = true\nconvolution = 4\n");
    // queries and keys 4 x 16 each, values and gate 8 x 8 each, a decay and a step size per head
    CHECK(texts(layer_operations(model, 0, {.sequence_length = 256}).attention) ==
          std::vector<std::string>{
              "linear_in: gemm bf16 256x272x64", "linear_convolution: short_convolution bf16 256x192x4",
              "linear_attention: delta_rule bf16 256x1x16 heads 8/4 causal",
              "output_gate: gated_activation bf16 256x64x1", "attention_out: gemm bf16 256x64x64"});
    // over two tensor ranks each has half of the heads
    auto const half = layer_operations(model, 0, {.shard = {.tensor = 2}, .sequence_length = 256}).attention;
    CHECK(half[0].n == 136);
    CHECK(half[2].heads == 4);
    CHECK(half[2].kv_heads == 2);
}

TEST_CASE("a decay by column and a gate of two factors are products of their own", "[model]") {
    auto const model = model_of(shape + attention + "full_attention_every = 2\n" + linear +
                                "delta_rule = true\ndecay = \"channel\"\ndecay_rank = 4\ngate_rank = "
                                "2\nqk_norm = true\nrotary = true\n");
    auto const ops = layer_operations(model, 0, {.sequence_length = 256}).attention;
    CHECK(ops[0].n == 2 * 64 + 64 + 8 + 4 + 2); // step sizes; both first factors
    CHECK(ops[1].n == 8 * 16);
    CHECK(ops[1].k == 4);
    CHECK(ops[2].n == 64);
    CHECK(ops[2].k == 2);
    CHECK(ops[3].role == "qk_norm");
    CHECK(ops[4].kind == OpKind::rope);
    CHECK(ops[5].kind == OpKind::kda);
    auto const p = layer_parameters(model, 0);
    CHECK(p.attention == 64 * (2 * 64 + 64 + 8) + 4 * 128 + 2 * 64 + 64 * 64);
    CHECK(p.replicated == 64 * (4 + 2));
}

TEST_CASE("a state costs the same per token at any length", "[model]") {
    auto const model = model_of(shape + attention + "full_attention_every = 4\n" + linear);
    auto const flop = [&](int length) {
        return forward_flop_per_token(model, length, FlopConvention::causal_half).value();
    };
    // of the four layers one has attention: 4 heads, 16 for scores and 16 for values, half of the keys
    CHECK(flop(512) - flop(256) == Approx(2.0 * 4 * (16 + 16) * 128));
    Operation const op{
        .kind = OpKind::linear_attention, .m = 256, .k = 16, .heads = 8, .kv_heads = 4, .v_dim = 8};
    CHECK(flop_of(op).value() == 2.0 * 256 * 8 * (64 * (16 + 8) + 2 * 16 * 8));
    // q and k 4 x 16 each, v and what is read 8 x 8 each, two bytes
    CHECK(bytes_of(op).value() == 2.0 * 256 * (2 * 4 * 16 + 2 * 8 * 8));
    Operation back = op;
    back.pass = Pass::backward;
    CHECK(flop_of(back).value() == 2.0 * 256 * 8 * (64 * (3 * 16 + 2 * 8) + 5 * 16 * 8));
    back.pass = Pass::weight_gradient; // its gradients come from one kernel
    CHECK(flop_of(back).value() == 0.0);
}

TEST_CASE("experts on a latent size send and compute that, and are reached by two projections", "[model]") {
    std::string const moe = "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 2\nexpert_ffn = 32\n";
    std::string const plain_shape =
        "id = \"m\"\n[shape]\nsource = \"a\"\nlayers = 2\nhidden = 64\nvocab = 128\nsequence_length = 256\n";
    auto const plain = model_of(plain_shape + attention + moe);
    auto const latent = model_of(plain_shape + attention + moe + "latent = 16\n");
    LayerShape const whole{.sequence_length = 256};
    auto const ops = layer_operations(latent, 0, whole);
    for (auto const& op : ops.experts) {
        CHECK((op.kind != OpKind::grouped_gemm || op.n == 16 || op.k == 16));
    }
    CHECK(expert_columns(latent) == 16);
    CHECK(ops.pre_dispatch.back().n == 16); // the copies
    CHECK(layer_parameters(plain, 0).experts == 4 * layer_parameters(latent, 0).experts);
    CHECK(layer_parameters(latent, 0).router - layer_parameters(plain, 0).router == 2 * 64 * 16);
    CHECK(total_parameters(plain) - active_parameters(plain) ==
          4 * (total_parameters(latent) - active_parameters(latent)));
}

TEST_CASE("context ranks share the heads of linear attention, never its queries", "[model]") {
    auto const model = model_of(shape + attention + "full_attention_every = 2\n" + linear);
    CHECK(problem_with(model, {.context = 2})->text.find("needs context_exchange = \"all_to_all\"") !=
          std::string::npos);
    CHECK_FALSE(problem_with(model, {.context = 2, .context_by_heads = true}));
    CHECK(problem_with(model, {.context = 8, .context_by_heads = true})); // 4 heads of keys
    CHECK(problem_with(model, {.tensor = 16})->text.find("attention heads do not divide") !=
          std::string::npos);
}

TEST_CASE("what a hybrid leaves open or says twice is refused where it stands", "[model]") {
    auto const says = [](std::string const& toml, std::string const& text) {
        INFO(problem_of(toml));
        CHECK(problem_of(toml).find(text) != std::string::npos);
    };
    says(shape + attention + linear,
         "attention.full_attention_every: is missing for a model with linear attention");
    says(shape + attention + "full_attention_layers = [5]\n" + linear,
         "attention.full_attention_layers: names layer 5 of 4");
    says(shape + attention + "full_attention_every = 2\nfull_attention_layers = [1]\n" + linear,
         "give one of them");
    says(shape + attention + "full_attention_every = 2\n" + linear + "decay = \"slow\"\n", "Known: fixed");
    says(shape + attention + "full_attention_every = 2\n" + linear + "decay_rank = 2\n",
         "decay_rank: has no use");
    says(shape + attention + "full_attention_every = 2\n" + linear + "decay = \"channel\"\n",
         "decay: channel goes with delta_rule alone");
    says(shape + attention + "full_attention_layers = []\n" + linear,
         "full_attention_layers: names no layer");
    says(shape + attention + "full_attention_every = 2\n" + linear + "output_gate = false\ngate_rank = 2\n",
         "gate_rank: has no use");
    says(shape + attention +
             "full_attention_every = 2\n[linear_attention]\nsource = \"c\"\nheads = 6\nkey_heads = "
             "4\nkey_dim = 8\n",
         "6 heads are not a multiple of 4 key_heads");
    says(shape + "pattern = \"M*-\"\n" + attention + linear, "shape.pattern: has 3 letters for 4 layers");
    says(shape + "pattern = \"M*-A\"\n" + attention + linear, "'A' is no kind of layer");
    says(shape + "pattern = \"M*-M\"\n" + attention, "has 'M', but there is no [linear_attention]");
    says(shape + "pattern = \"MM**\"\n" + attention + linear, "has no '-' for shape.dense_ffn");
    says(shape + "pattern = \"M*-M\"\n" + attention + "full_attention_every = 2\n" + linear,
         "has no use beside shape.pattern");
}
