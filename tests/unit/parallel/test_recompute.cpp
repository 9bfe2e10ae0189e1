#include "parallel/layer_activations.hpp"
#include "parallel/recompute.hpp"
#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::compute_times;
using moesaic::test::job_of;

namespace {

Recompute read(std::string const& text) {
    auto const table = io::parse_toml("recompute = \"" + text + "\"\n", "plan.toml");
    return recompute_of_text(text, table, "recompute");
}

test::JobFixture v3(std::string const& recompute) {
    return job_of("deepseek_v3", {{"h", "deepseek_h800_2048", 2048}}, 15360,
                  "pipeline = 16\nexpert = 64\nlayer_split = \"with_ends\"\nrecompute = \"" + recompute +
                      "\"\n");
}

/// Of a token in a layer, in bytes.
double kept(std::string const& recompute, int layer) {
    auto const f = v3(recompute);
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(3), 4096);
    return activation_bytes(setting, layer, setting.group.recompute).value() / 4096;
}

/// Of kernels in a stage's schedule that run a second time, by role.
int again(Program const& program, std::string const& role) {
    return compute_times(program, model::Pass::forward, "recompute " + role);
}

} // namespace

TEST_CASE("what runs again is read and written alike, whatever is joined", "[parallel]") {
    for (std::string const name :
         {"none", "full", "least", "operators", "pointwise", "up_projections", "moe", "mla_up_proj+mlp",
          "layernorm+moe", "pointwise+selective", "inner_norms+activation+shared_experts"}) {
        CHECK(name_of(read(name)) == name);
    }
    CHECK(name_of(read("mlp+mla_up_proj")) == "mla_up_proj+mlp"); // in one order
    CHECK(name_of(read("layernorm+inner_norms+activation+moe_act")) == "pointwise");
    CHECK(name_of(read("pointwise+mla_up_proj")) == "up_projections");
    CHECK(name_of(read("up_projections+layernorm")) == "up_projections");
    CHECK(read("core_attn") == Recompute::selective); // Megatron-Core's word
}

TEST_CASE("names of what runs again that are not known, or stand alone, are refused where they stand",
          "[parallel]") {
    CHECK_THROWS_WITH(
        read("mlp+shared_expert"),
        Catch::Contains("plan.toml:1:13: recompute: \"shared_expert\" is not known. Did you mean "
                        "shared_experts?"));
    CHECK_THROWS_WITH(read("mlp+full"), Catch::Contains("\"full\" stands alone, but is joined to others"));
    CHECK_THROWS_WITH(read("mlp+"), Catch::Contains("\"\" is not known"));
}

TEST_CASE("a module that runs again keeps its input alone", "[parallel]") {
    // DeepSeek-V3: 7,168 columns, FFN of 18,432 in the first 3 layers, 8 of 256 experts of 2,048 and a shared one
    int const dense = 1, moe = 20;
    double const ffn = 3.0 * 18432, shared = 3.0 * 2048;
    double const routed = 8 * (7168 + 3 * 2048 + 7168) + 2 * 256;
    CHECK(kept("none", dense) - kept("mlp", dense) == Approx(2 * ffn));
    CHECK(kept("none", moe) == kept("mlp", moe));
    CHECK(kept("none", moe) - kept("shared_experts", moe) == Approx(2 * shared));
    CHECK(kept("none", moe) - kept("moe", moe) == Approx(2 * (routed + shared)));
    CHECK(kept("none", dense) == kept("moe", dense));
    CHECK(kept("moe", moe) - kept("layernorm+moe", moe) == Approx(2.0 * 2 * 7168)); // both norms' outputs
    CHECK(kept("none", moe) - kept("mla_up_proj+moe", moe) ==
          Approx(kept("none", moe) - kept("mla_up_proj", moe) + kept("none", moe) - kept("moe", moe)));
}

TEST_CASE("what runs again beside adapters keeps its input too", "[parallel]") {
    auto const bytes = [](std::string const& recompute) {
        auto const f = job_of("mixtral_8x7b", {{"d", "h800_4096", 8}}, 64,
                              "expert = 8\nadapters = 16\nrecompute = \"" + recompute + "\"\n");
        auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096);
        return activation_bytes(setting, 0, setting.group.recompute).value() / 4096;
    };
    // Mixtral: 4,096 columns, 2 of 8 experts of 14,336. Frozen products keep no input; gates, returned copies and scores stay
    CHECK(bytes("none") - bytes("moe") == Approx(2.0 * (2 * (2 * 14336 + 4096) + 2 * 8 - 4096)));
}

TEST_CASE("experts that run again get their tokens again", "[parallel]") {
    auto const sent = [](std::string const& recompute) {
        auto const program = build_program(v3(recompute).job());
        return collective_bytes(program, "dispatch") + collective_bytes(program, "combine");
    };
    CHECK(sent("moe") == 2.0 * sent("none"));
    CHECK(sent("full") == 2.0 * sent("none"));
    CHECK(sent("moe_act+shared_experts+mlp") == sent("none"));
}

TEST_CASE("of a layer those kernels run again that its parts name", "[parallel]") {
    auto const program = build_program(v3("mlp+shared_experts").job());
    for (std::string const role : {"ffn_up", "ffn_activation", "ffn_down", "shared_up", "shared_down"}) {
        INFO(role);
        CHECK(again(program, role) == compute_times(program, model::Pass::forward, role));
    }
    CHECK(again(program, "expert_up") == 0);
    CHECK(again(program, "ffn_norm") == 0);
    auto const moe = build_program(v3("moe").job());
    for (std::string const role : {"router", "expert_up", "expert_down", "unpermute", "shared_up"}) {
        INFO(role);
        CHECK(again(moe, role) == compute_times(moe, model::Pass::forward, role));
    }
    CHECK(again(moe, "ffn_norm") == 0);
    CHECK(again(moe, "ffn_residual") == 0);
    CHECK(again(build_program(v3("layernorm+moe").job()), "ffn_norm") > 0);
    CHECK(again(build_program(v3("inner_norms").job()), "q_norm") > 0);
    CHECK(again(build_program(v3("layernorm").job()), "q_norm") == 0);
}

TEST_CASE("parts that run again together do the work of each", "[parallel]") {
    auto const more = [](std::string const& recompute) {
        return build_program(v3(recompute).job()).hardware_flop /
                   build_program(v3("none").job()).hardware_flop -
               1.0;
    };
    CHECK(more("mlp+mla_up_proj+selective") == Approx(more("mlp") + more("mla_up_proj") + more("selective")));
    CHECK(more("moe+mlp+mla_up_proj+selective") < more("full"));
    CHECK(more("moe") > more("shared_experts"));
}

TEST_CASE("experts on ranks of their own do not run again alone", "[parallel][apart]") {
    CHECK_THROWS_WITH(
        job_of("ling_lite", {{"a", "h800_4096", 8}, {"e", "h800_4096", 8}}, 64,
               "pool = \"a\"\nrecompute = \"moe\"\n[parallel.experts]\npool = \"e\"\nranks = 8\n"),
        Catch::Contains("do not go with recompute = \"moe\""));
}
