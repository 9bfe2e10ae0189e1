#include "model/model_flop.hpp"
#include "unit/model/models.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

TEST_CASE("a GPT does the FLOP of Megatron's formula", "[model]") {
    // Narayanan et al. (SC21), section 5.1, per iteration of B sequences with full recompute (forward twice):
    // 96 B s l h^2 (1 + s/(6h) + V/(16 l h)). Per token and without the second forward of the layers, which
    // is 24 l h^2 (1 + s/(6h)); the head is not recomputed: 6 h V of training.
    for (auto const* const id : {"gpt3_175b", "megatron_gpt_1p7b", "megatron_gpt_1008b"}) {
        auto const model = shipped_model(id);
        double const l = model.layers, h = model.hidden, v = model.vocab, s = 2048;
        double const with_recompute = 96 * l * h * h * (1 + s / (6 * h) + v / (16 * l * h));
        double const forward_of_layers = 24 * l * h * h * (1 + s / (6 * h));
        auto const flop = training_flop_per_token(model, 2048, FlopConvention::full_square);
        CHECK(flop.value() == Approx(with_recompute - forward_of_layers).epsilon(1e-12));
    }
}

TEST_CASE("a causal mask halves attention and nothing else", "[model]") {
    auto const model = shipped_model("ling_plus");
    auto const full = training_flop_per_token(model, 4096, FlopConvention::full_square);
    auto const half = training_flop_per_token(model, 4096, FlopConvention::causal_half);
    // the half: 88 layers x 3 passes x 2 products x 2 FLOP x 56 heads x 96 columns x 2048 keys
    CHECK((full - half).value() == Approx(88.0 * 3 * 2 * 2 * 56 * 96 * 2048).epsilon(1e-12));
    // 181.6 GFLOP per token, as worked out apart for the Ling paper's shapes
    CHECK(half.value() == Approx(181.6e9).epsilon(0.001));
    CHECK(training_flop_per_token(shipped_model("ling_lite"), 4096, FlopConvention::causal_half).value() ==
          Approx(16.4e9).epsilon(0.005));
}

TEST_CASE("a window leaves each query the keys that it holds", "[model]") {
    auto const model = shipped_model("gpt_oss_20b");
    auto whole = model;
    whole.window = whole.full_attention_every = 0;
    auto const gain = [&](FlopConvention convention) {
        return (forward_flop_per_token(whole, 8192, convention) -
                forward_flop_per_token(model, 8192, convention))
            .value();
    };
    // 12 layers x 2 products x 2 FLOP x 64 heads x 64 columns; of 8,192 keys 128, and of half of them what 128 leave to the first
    CHECK(gain(FlopConvention::full_square) == Approx(12.0 * 4 * 64 * 64 * (8192 - 128)).epsilon(1e-9));
    CHECK(gain(FlopConvention::causal_half) ==
          Approx(12.0 * 4 * 64 * 64 * (4096 - (128 - 1.0))).epsilon(1e-9));
}

TEST_CASE("a MTP module adds its layer, its projection and the head once more", "[model]") {
    auto const with = shipped_model("deepseek_v3");
    auto without = with;
    without.mtp_depth = 0;
    auto const extra = forward_flop_per_token(with, 4096, FlopConvention::causal_half) -
                       forward_flop_per_token(without, 4096, FlopConvention::causal_half);
    double const h = 7168;
    double const attention_weights =
        h * 1536 + 1536.0 * 128 * 192 + h * 576 + 512.0 * 128 * 256 + 128.0 * 128 * h;
    double const ffn_weights = 9 * 3 * h * 2048 + h * 256; // 8 experts and the shared one; router
    double const attention = 2.0 * 2048 * 128 * (192 + 128);
    CHECK(extra.value() ==
          Approx(2 * (attention_weights + ffn_weights + 2 * h * h + h * 129280) + attention).epsilon(1e-12));
}

TEST_CASE("beside adapters products with frozen weights count twice, attention and adapters three times",
          "[model]") {
    auto const model = shipped_model("llama2_7b");
    auto const attention = [&](FlopConvention convention) { // half of the square masked
        return 32.0 * 2 * 2 * 4096 * (convention == FlopConvention::full_square ? 4096.0 : 2048.0);
    };
    for (auto const convention : {FlopConvention::causal_half, FlopConvention::full_square}) {
        auto const all = training_flop_per_token(model, 4096, convention).value();
        double const frozen = (all - 3 * attention(convention)) / 3;
        double const adapters = 32.0 * 2 * 4 * 4096 * 16;
        CHECK(adapting_flop_per_token(model, 4096, convention, 16).value() ==
              Approx(2 * frozen + 3 * attention(convention) + 3 * adapters).epsilon(1e-12));
    }
}

TEST_CASE("a convention is found by its name", "[model]") {
    CHECK(find_flop_convention("full_square") == FlopConvention::full_square);
    CHECK(find_flop_convention(name_of(FlopConvention::causal_half)) == FlopConvention::causal_half);
    CHECK_FALSE(find_flop_convention("half").has_value());
}
