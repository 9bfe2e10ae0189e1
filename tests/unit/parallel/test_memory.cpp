#include "unit/parallel/job_fixture.hpp"

#include <catch2/catch.hpp>

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

TEST_CASE("the first stage of 1F1B keeps the most micro-batches", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const memory = memory_of_classes(f.job());
    // stage s of p keeps p - s micro-batches; all stages have 11 equal layers
    CHECK(memory.at(0).parts.activations / memory.at(7).parts.activations == Approx(8.0));
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
