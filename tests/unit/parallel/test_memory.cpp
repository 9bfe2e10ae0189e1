#include "parallel/layer_activations.hpp"
#include "unit/parallel/job_fixture.hpp"

#include "model/parameters.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::job_of;

TEST_CASE("weights, gradients and optimizer follow from the parameters of a rank", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const memory = memory_of_classes(f.job()).at(3);
    auto const stage = 11.0; // layers
    // a layer: 64 experts of 3 x 5376 x 3072 over 8 ranks; the rest (attention, shared expert, router, norms) whole
    double const experts = stage * 64 * 3.0 * 5376 * 3072 / 8;
    double const attention = 5376.0 * (5376 + 2 * 8 * 96) + 5376.0 * 5376;
    double const dense = stage * (attention + 3.0 * 5376 * 3072 + 5376.0 * 64 + 2 * 5376.0);
    CHECK(memory.parts.weights.value() == Approx(2 * (experts + dense)));
    CHECK(memory.parts.gradients.value() == Approx(4 * (experts + dense)));
    CHECK(memory.parts.optimizer.value() == Approx(12 * (experts / 16 + dense / 128)));
}

TEST_CASE("a GPT layer keeps what Korthikanti et al. count, the attention maps left out", "[parallel]") {
    // section 4.1, equation 1: s b h (34 + 5 a s / h); fused attention keeps two statistics of 16 bit per head instead
    auto const f = job_of("gpt3_175b", {{"d", "h800_4096", 64}}, 64, "pipeline = 8\n");
    auto const places = place_stages(f.plan, f.topology);
    auto const bytes =
        activation_bytes(stage_setting(f.model, f.plan, places.at(0), 2048), 0, Recompute::none);
    CHECK(bytes.value() == Approx(2048.0 * (34.0 * f.model.hidden + 96 * 4)));
}

TEST_CASE("more recomputation keeps less", "[parallel]") {
    Bytes before{1e18};
    for (std::string const recompute : {"none", "selective", "pointwise", "operators", "full"}) {
        auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960,
                              "pipeline = 8\nexpert = 8\nrecompute = \"" + recompute + "\"\n");
        auto const kept = memory_of_classes(f.job()).front().parts.activations;
        CHECK(kept < before);
        before = kept;
    }
}

namespace {

/// Bytes of a token in a layer of Qwen3-30B-A3B: 2,048 columns, 32 query and 4 key heads of 128, 8 of 128 experts of 768.
double kept_by_qwen(std::string const& plan, Recompute recompute = Recompute::none) {
    auto const f = job_of("qwen3_30b_a3b", {{"d", "h800_4096", 8}}, 64, "expert = 8\n" + plan);
    auto const places = place_stages(f.plan, f.topology);
    return activation_bytes(stage_setting(f.model, f.plan, places.at(0), 4096), 5, recompute).value() / 4096;
}

/// In elements: inputs of the two norms, queries and keys before and after theirs, values, the second norm's output,
/// gates, copies that come back, the router's scores; of the statistics two per head.
constexpr double wide =
    2 * 2048 + 2 * (32 + 4) * 128 + 4 * 128 + 2048 + 8 * (2 * 768 + 2048) + 2 * 128 + 2 * 32;
/// What products alone read: the first norm's output, copies as sent, what the activation gives.
constexpr double inputs = 2048 + 8 * (2048 + 768);
constexpr double attention_out = 32 * 128;

} // namespace

TEST_CASE("products in 8 bit keep their inputs quantised, and what others read is kept apart", "[parallel]") {
    std::string const keeps = "quantised_inputs_kept = true\n";
    CHECK(kept_by_qwen("") == Approx(2 * (wide + inputs + attention_out)));
    CHECK(kept_by_qwen(keeps) == kept_by_qwen("")); // products in 16 bit
    CHECK(kept_by_qwen("precision = \"fp8\"\n") == kept_by_qwen(""));
    CHECK(kept_by_qwen(keeps + "precision = \"fp8\"\n") == Approx(2 * wide + inputs + 3 * attention_out));
    double const scaled = 1 + 1.0 / 32;
    CHECK(kept_by_qwen(keeps + "precision = \"mxfp8\"\n") ==
          Approx(2 * wide + scaled * inputs + (2 + scaled) * attention_out));
}

TEST_CASE("a part with a wider format keeps its inputs in that, once", "[parallel]") {
    auto const kept = [](model::ProductPart part, int layer, int last_wide = 0) {
        model::Precision precision{.gemm = Dtype::fp8};
        precision.wider[static_cast<std::size_t>(part)] = Dtype::bf16;
        precision.last_wide = last_wide;
        auto const f = job_of("qwen3_30b_a3b", {{"d", "h800_4096", 8}}, 64,
                              "expert = 8\nquantised_inputs_kept = true\n", precision);
        auto const places = place_stages(f.plan, f.topology);
        auto const setting = stage_setting(f.model, f.plan, places.at(0), 4096);
        return activation_bytes(setting, layer, Recompute::none).value() / 4096;
    };
    double const narrow = 2 * wide + inputs + 3 * attention_out;
    CHECK(kept(model::ProductPart::latent, 5) == Approx(narrow)); // it has none
    // the first norm's output in 16 bit, attention's without a copy in 8 bit
    CHECK(kept(model::ProductPart::attention, 5) == Approx(narrow + 2048 - attention_out));
    CHECK(kept(model::ProductPart::experts, 5) == Approx(narrow + 8 * (2048 + 768)));
    CHECK(kept(model::ProductPart::latent, 47, 1) == Approx(2 * (wide + inputs + attention_out)));
    CHECK(kept(model::ProductPart::latent, 46, 1) == Approx(narrow));
}

TEST_CASE("layers at the ends count with what they keep", "[parallel]") {
    auto const kept = [](int last_wide) {
        model::Precision precision{.gemm = Dtype::fp8};
        precision.last_wide = last_wide;
        auto const f = job_of("qwen3_30b_a3b", {{"d", "h800_4096", 8}}, 64,
                              "expert = 8\nquantised_inputs_kept = true\n", precision);
        return memory_of_classes(f.job()).front().parts.activations.value();
    };
    double const of_one = 4096 * (inputs - attention_out);
    CHECK(kept(1) - kept(0) == Approx(of_one));
    CHECK(kept(13) - kept(0) == Approx(13 * of_one));
}

TEST_CASE("modules that run again keep nothing of what they give", "[parallel]") {
    CHECK(kept_by_qwen("") - kept_by_qwen("", Recompute::moe_act) == Approx(2.0 * 8 * 768));
    CHECK(kept_by_qwen("", Recompute::mla_up_proj) == kept_by_qwen("")); // its attention is not latent
    auto const f = job_of("deepseek_v3", {{"h", "deepseek_h800_2048", 2048}}, 15360,
                          "pipeline = 16\nexpert = 64\nlayer_split = \"with_ends\"\n");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(3), 4096);
    auto const kept = [&](Recompute r) { return activation_bytes(setting, 20, r).value() / 4096; };
    // queries, keys (128 heads x 192) and values (128 x 128), and the normed latents (1536 + 512)
    CHECK(kept(Recompute::none) - kept(Recompute::mla_up_proj) ==
          Approx(2.0 * (128 * (2 * 192 + 128) + 1536 + 512)));
}

TEST_CASE("beside adapters nothing is kept for the gradients of frozen weights", "[parallel]") {
    // of Llama 3 8B: inputs of two norms, queries, keys and values, attention's result and statistics, gates; the adapters'
    // products read the first norm's output and attention's result
    auto const f = job_of("llama3_8b", {{"d", "h800_4096", 8}}, 64, "adapters = 16\n");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 8192);
    double const kept = 2 * 4096 + (32 + 2 * 8) * 128 + 32 * 128 + 2 * 32 + 2 * 14336 + 4096;
    CHECK(activation_bytes(setting, 0, Recompute::none).value() / 8192 == Approx(2 * kept));
}

TEST_CASE("frozen weights lie in the products' format where the software holds them so", "[parallel]") {
    auto const weights = [](std::string const& plan) {
        auto const f = job_of("llama3_8b", {{"d", "h800_4096", 8}}, 64, "precision = \"fp8\"\n" + plan);
        return memory_of_classes(f.job()).front().parts.weights.value();
    };
    auto const model = job_of("llama3_8b", {{"d", "h800_4096", 8}}, 64, "").model;
    double const ends = static_cast<double>(model::end_parameters(model).total());
    double const wide = weights("adapters = 16\n");
    CHECK(weights("adapters = 16\nfrozen_weights_quantised = true\n") == Approx(wide / 2 + ends));
    CHECK(weights("frozen_weights_quantised = true\n") == Approx(wide)); // trained weights stay
}

TEST_CASE(
    "a loss that reads the logits as they came keeps no softmax, and one in place no gradient beside them",
    "[parallel]") {
    auto const total = [](std::string const& plan) {
        auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\n" + plan);
        return memory_of_classes(f.job()).back().parts.total().value();
    };
    double const logits =
        4096.0 * job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\n").model.vocab;
    // softmax in fp32, then logits and their gradient beside it: 8 bytes; 4; 2
    CHECK(total("") - total("loss_memory = \"logits\"\n") == Approx(4 * logits));
    CHECK(total("") - total("loss_memory = \"in_place\"\n") == Approx(6 * logits));
    CHECK(total("loss_memory = \"softmax\"\n") == total(""));
}

TEST_CASE("the head keeps its softmax for every micro-batch in flight", "[parallel]") {
    // Llama 2 7B, 4 stages, 16 micro-batches of 4096 tokens each: softmax in fp32, 32,000 columns
    auto const kept = [](std::string const& plan) {
        auto const f = job_of("llama2_7b", {{"h", "h100_16384", 4}}, 16, "pipeline = 4\n" + plan);
        auto const memory = memory_of_classes(f.job());
        // stages have as many layers each
        auto const stage = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(3), 4096);
        return std::pair{memory.back().parts.activations.value(),
                         8 * activation_bytes(stage, 31, Recompute::none).value()};
    };
    double const softmax = 4.0 * 4096 * 32000;
    auto const [one, layers] = kept("");
    CHECK(one == Approx(layers + softmax));
    CHECK(kept("schedule = \"gpipe\"\n").first == Approx(16 * (layers + softmax)));
    CHECK(kept("loss_memory = \"in_place\"\n").first == Approx(layers + softmax / 2));
    // what waits for the gradient of the head's weights is the logits' gradient and its input
    auto const f = job_of("llama2_7b", {{"h", "h100_16384", 4}}, 16, "pipeline = 4\n");
    auto const stage = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(3), 4096);
    CHECK(head_bytes(stage).waiting.value() == Approx(2.0 * 4096 * (32000 + 4096)));
    auto const frozen = job_of("llama2_7b", {{"h", "h100_16384", 4}}, 16, "pipeline = 4\nadapters = 16\n");
    auto const beside =
        stage_setting(frozen.model, frozen.plan, place_stages(frozen.plan, f.topology).at(3), 4096);
    CHECK(head_bytes(beside).waiting.value() == 0.0);
}

TEST_CASE("every module of multi-token prediction keeps a softmax of its own", "[parallel]") {
    auto const f = job_of("deepseek_v3", {{"h", "deepseek_h800_2048", 2048}}, 15360,
                          "pipeline = 16\nexpert = 64\nlayer_split = \"with_ends\"\n");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(15), 4096);
    CHECK(head_bytes(setting).kept.value() == Approx(2 * 4.0 * 4096 * 129280));
    CHECK(head_bytes(setting).at_work.value() == Approx(2 * 2.0 * 4096 * 129280)); // one after the other
}

TEST_CASE("a layer that is computed again holds, at work, what it has not kept", "[parallel]") {
    auto const parts = [](std::string const& plan) {
        auto const f = job_of("llama2_7b", {{"h", "h100_16384", 1}}, 1, plan);
        return memory_of_classes(f.job()).front().parts;
    };
    auto const f = job_of("llama2_7b", {{"h", "h100_16384", 1}}, 1, "");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096);
    auto const whole = activation_bytes(setting, 0, Recompute::none).value();
    auto const none = parts("");
    for (auto const& [name, recompute] :
         {std::pair{"pointwise", Recompute::pointwise}, std::pair{"full", Recompute::full}}) {
        auto const again = parts(fmt::format("recompute = \"{}\"\n", name));
        auto const kept = activation_bytes(setting, 0, recompute).value();
        CHECK(again.buffers.value() - none.buffers.value() == Approx(whole - kept));
        // of 32 layers all but the one at work keep less
        CHECK(none.total().value() - again.total().value() == Approx(31 * (whole - kept)));
    }
}

TEST_CASE("layers whose activations lie in the host's memory are not kept", "[parallel]") {
    auto const kept = [](std::string const& plan) {
        auto const f = job_of("ling_plus", {{"d", "h800_4096", 128}}, 1024, "expert = 8\n" + plan);
        return memory_of_classes(f.job()).at(0).parts.activations.value(); // 88 equal layers, one micro-batch
    };
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 128}}, 1024, "expert = 8\n");
    auto const head =
        head_bytes(stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096)).kept.value();
    double const layers = kept("") - head;
    CHECK(kept("offloaded_layers = 66\n") == Approx(layers / 4 + head));
    // one that moves and one at work, when the head is done
    CHECK(kept("offloaded_layers = 88\n") == Approx(std::max(layers * 2 / 88, head)));
    CHECK_THROWS_WITH(kept("pipeline = 8\noffloaded_layers = 66\n"), Catch::Contains("needs one stage"));
}

TEST_CASE("the first stage of 1F1B keeps the most micro-batches", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const memory = memory_of_classes(f.job());
    // stage s of p keeps p - s micro-batches; all stages have 11 equal layers, the last one the head as well
    CHECK(memory.at(0).parts.activations / memory.at(6).parts.activations == Approx(4.0));
}

TEST_CASE("what does not fit is named with its largest parts", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const problem = misfit(memory_of_classes(f.job()));
    REQUIRE(problem);
    CHECK(problem->starts_with("does not fit: stage 0 of 8 on nvidia_h800_sxm5 needs "));
    CHECK(problem->find("largest: activations") != std::string::npos);
    auto const full = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960,
                             "pipeline = 8\nexpert = 8\nrecompute = \"full\"\n");
    CHECK_FALSE(misfit(memory_of_classes(full.job())));
}
