#include "base/errors.hpp"
#include "parallel/calibration.hpp"
#include "parallel/plan.hpp"
#include "parallel/price.hpp"
#include "unit/parallel/job_fixture.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

std::string const errors = R"(
[model_error]
unknown_software = 0.35
[model_error.dense]
calibrated = 0.1
otherwise = 0.2
[model_error.experts]
calibrated = 0.3
otherwise = 0.4
)";

std::string const two_constants = errors + R"(
[[constant]]
name = "any"
chips = ["a", "b"]
precision = "16-bit"
factor = 1.2
origin = "kernel data: made up"

[[constant]]
name = "one stack"
chips = ["a"]
precision = "16-bit"
stack = "megatron"
factor = 1.1
origin = "8 runs of 2 sources"
sources = ["x", "y"]
records = ["x1", "y1"]
)";

Calibration calibration_of(std::string const& text) {
    return read_calibration(io::parse_toml(text, "calibration.toml"));
}

hardware::Chip chip_of(std::string id, std::string die = "") {
    hardware::Chip out;
    out.id = std::move(id);
    out.die = std::move(die);
    return out;
}

} // namespace

TEST_CASE("a chip without constants of its own has those of its die", "[parallel]") {
    auto text = two_constants;
    text.replace(text.rfind("chips = [\"a\"]"), 13, "chips = [\"a\"]\ndies = [\"D\"]");
    auto const calibration = calibration_of(text);
    CHECK(calibration.find(chip_of("copy", "D"), Dtype::bf16, "megatron")->factor == 1.1);
    CHECK(calibration.find(chip_of("b", "D"), Dtype::bf16, "megatron")->factor == 1.2);
    CHECK(calibration.find(chip_of("copy", "E"), Dtype::bf16, "megatron") == nullptr);
    CHECK(calibration.find(chip_of("D"), Dtype::bf16, "megatron")->factor == 1.1);
}

TEST_CASE("a constant of the run's own software comes before that of any software", "[parallel]") {
    auto const calibration = calibration_of(two_constants);
    CHECK(calibration.find(chip_of("a"), Dtype::bf16, "megatron")->factor == 1.1);
    CHECK(calibration.find(chip_of("a"), Dtype::fp16, "other")->factor == 1.2);
    CHECK(calibration.find(chip_of("b"), Dtype::bf16, "megatron")->factor == 1.2);
    CHECK(calibration.find(chip_of("a"), Dtype::fp8, "megatron") == nullptr);
    CHECK(calibration.find(chip_of("c"), Dtype::bf16, "megatron") == nullptr);
}

TEST_CASE("every product and attention kernel takes the constant of its own number format", "[parallel]") {
    auto const calibration = calibration_of(errors + R"(
[[constant]]
name = "wide"
chips = ["nvidia_h100_sxm5"]
precision = "16-bit"
factor = 2.0
origin = "made up"
[[constant]]
name = "narrow"
chips = ["nvidia_h100_sxm5"]
precision = "8-bit"
factor = 3.0
origin = "made up"
)");
    auto const f = test::job_of("llama2_7b", {{"h", "h100_16384", 8}}, 8, "");
    auto const& chip = f.topology.pool(PoolId{0}).cluster.node.chip;
    Pricers plain{f.timings}, stretched{f.timings, {}, &calibration};
    auto const stretch = [&](model::OpKind kind, Dtype dtype, std::string const& role) {
        model::Operation const op{
            .kind = kind, .dtype = dtype, .m = 4096, .n = 4096, .k = 4096, .role = role};
        return stretched.of(chip).price(op).duration.time / plain.of(chip).price(op).duration.time;
    };
    CHECK(stretch(model::OpKind::gemm, Dtype::fp8, "ffn_up") == Approx(3.0));
    CHECK(stretch(model::OpKind::gemm, Dtype::bf16, "qkv") == Approx(2.0));
    CHECK(stretch(model::OpKind::bmm, Dtype::bf16, "scores") == Approx(2.0));
    CHECK(stretch(model::OpKind::attention, Dtype::bf16, "attention") == Approx(2.0));
    CHECK(stretch(model::OpKind::rmsnorm, Dtype::bf16, "ffn_norm") == Approx(1.0));
}

TEST_CASE("only a constant that was learnt on runs has the smaller model error, and experts have their own",
          "[parallel]") {
    auto const calibration = calibration_of(two_constants);
    auto const error = [&](char const* chip, char const* stack, bool has_experts) {
        return calibration.error_of(chip_of(chip), Dtype::bf16, {.stack = stack, .is_known = true},
                                    has_experts);
    };
    CHECK(error("a", "megatron", false) == 0.1);
    CHECK(error("a", "other", false) == 0.2); // kernel data
    CHECK(error("c", "megatron", false) == 0.2);
    CHECK(error("a", "megatron", true) == 0.3);
    CHECK(error("c", "megatron", true) == 0.4);
}

TEST_CASE("where nobody described the software the model's error is at least that of such runs",
          "[parallel]") {
    auto const calibration = calibration_of(two_constants);
    CHECK(calibration.error_of(chip_of("a"), Dtype::bf16, {.stack = "megatron"}, false) == 0.35);
    CHECK(calibration.error_of(chip_of("c"), Dtype::bf16, {}, true) == 0.4);
}

TEST_CASE("two constants of one chip, precision and software are refused, and factors that cannot be",
          "[parallel]") {
    auto const again = two_constants +
                       "\n[[constant]]\nname = \"x\"\nchips = [\"b\"]\nprecision = \"16-bit\"\nfactor = 1.0\n"
                       "origin = \"y\"\n";
    CHECK_THROWS_AS(calibration_of(again), InputError);
    auto wrong = two_constants;
    wrong.replace(wrong.find("factor = 1.2"), 12, "factor = 0.0");
    CHECK_THROWS_AS(calibration_of(wrong), InputError);
}

TEST_CASE("a share of the layers that compute again is spread evenly over them", "[parallel]") {
    model::Model model;
    model.layers = 80;
    StageGroup group;
    group.recompute = Recompute::full;
    group.recompute_share = 0.25;
    int again = 0;
    for (int layer = 0; layer < 80; ++layer) {
        again += recompute_of(group, model, layer) == Recompute::full ? 1 : 0;
    }
    CHECK(again == 20);
    CHECK(recompute_of(group, model, 3) == Recompute::full); // the 4th, 8th, …
    CHECK(recompute_of(group, model, 0) == Recompute::none);
    model.moe = model::Moe{.experts = 8, .topk = 2, .every = 2};
    group.recompute_share = 0.5; // of the layers with experts, and of the dense ones
    int experts = 0, dense = 0;
    for (int layer = 0; layer < 80; ++layer) {
        bool const again_here = recompute_of(group, model, layer) == Recompute::full;
        experts += again_here && is_moe_layer(model, layer) ? 1 : 0;
        dense += again_here && !is_moe_layer(model, layer) ? 1 : 0;
    }
    CHECK((experts == 20 && dense == 20));
    group.recompute_share = 1.0;
    CHECK(recompute_of(group, model, 0) == Recompute::full);
}
