#include "model/parameters.hpp"
#include "unit/model/models.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic;
using namespace moesaic::model;

namespace {

/// Within 1 %, or within the last digit where it was printed with fewer.
bool agrees(std::int64_t count, PrintedCount const& printed) {
    return std::abs(static_cast<double>(count) - printed.value) <=
           std::max(0.01 * printed.value, printed.unit);
}

void check_within_one_per_cent(std::string const& id, double total, double active) {
    auto const model = shipped_model(id);
    INFO(id << " total " << total_parameters(model) << " active " << active_parameters(model));
    CHECK(static_cast<double>(total_parameters(model)) == Approx(total).epsilon(0.01));
    auto const counts = model.published.value().active_counts;
    CHECK(static_cast<double>(active_parameters(model, counts)) == Approx(active).epsilon(0.01));
}

} // namespace

TEST_CASE("every shipped model has as many parameters as its makers print", "[model]") {
    auto const catalogue = shipped_models();
    REQUIRE(catalogue.ids().size() >= 25);
    for (auto const& id : catalogue.ids()) {
        auto const model = catalogue.model(id, Origin::whole_file("test"));
        INFO(id << " total " << total_parameters(model) << " active " << active_parameters(model));
        REQUIRE(model.published.has_value());
        CHECK(agrees(total_parameters(model), model.published->total));
        if (model.published->active) {
            CHECK(agrees(active_parameters(model, model.published->active_counts), *model.published->active));
        }
    }
}

TEST_CASE("the counts of well-known models are within one per cent of the published ones", "[model]") {
    check_within_one_per_cent("ling_lite", 16.8e9, 2.75e9);
    check_within_one_per_cent("ling_plus", 290e9, 28.8e9);
    check_within_one_per_cent("deepseek_v3", 671e9, 36.7e9); // the makers' finer figure for "37B"
    check_within_one_per_cent("mixtral_8x7b", 46.7e9, 12.9e9);
    check_within_one_per_cent("qwen3_235b_a22b", 235e9, 22e9);
    check_within_one_per_cent("llama2_70b", 68.98e9, 68.98e9);
    check_within_one_per_cent("gpt3_175b", 174.6e9, 174.6e9);
    check_within_one_per_cent("llama3_405b", 405e9, 405e9);
}

TEST_CASE("a GPT has the parameters of Megatron's formula", "[model]") {
    // Narayanan et al. (SC21), equation 2: 12 l h^2 (1 + 13/(12h) + (V + s)/(12 l h)); it leaves out the last
    // norm, 2h
    auto const model = shipped_model("megatron_gpt_39p1b");
    double const l = 48, h = 8192, v = 51200, s = 2048;
    double const formula = 12 * l * h * h * (1 + 13 / (12 * h) + (v + s) / (12 * l * h));
    CHECK(static_cast<double>(total_parameters(model)) == Approx(formula + 2 * h).epsilon(1e-12));
}

TEST_CASE("MPT-70B has the very parameters that llm-foundry prints", "[model]") {
    CHECK(total_parameters(shipped_model("mpt_70b")) == 64862437376);
    CHECK(total_parameters(shipped_model("mpt_13b")) == 12853954560);
}

TEST_CASE("DeepSeek-V3's MTP module has the parameters that its makers print apart", "[model]") {
    auto const mtp = mtp_parameters(shipped_model("deepseek_v3"));
    // "11.5B unique parameters" (README_WEIGHTS.md)
    CHECK(static_cast<double>(mtp.layer.total() + mtp.projection + mtp.norms) ==
          Approx(11.5e9).epsilon(0.01));
}

TEST_CASE("the parts of a Ling-Plus layer are those of its shape", "[model]") {
    auto const parts = layer_parameters(shipped_model("ling_plus"), 0);
    CHECK(parts.attention == 2LL * 5376 * 96 * 56 + 2LL * 5376 * 96 * 8); // Q and out, K and V: 66.06 M
    CHECK(parts.replicated == 0);
    CHECK(parts.router == 5376LL * 64);
    CHECK(parts.dense_ffn == 3LL * 5376 * 3072);
    CHECK(parts.experts == 64LL * 3 * 5376 * 3072);
    CHECK(parts.norms == 2LL * 5376);
}

TEST_CASE("the ranks of a sharding hold the layer together", "[model]") {
    auto const model = shipped_model("ling_plus");
    Shard const shard{.tensor = 4, .expert = 8, .expert_tensor = 2, .sequence_parallel = true};
    auto const whole = layer_parameters(model, 3), part = rank_parameters(model, 3, shard);
    CHECK(part.attention * 4 == whole.attention);
    CHECK(part.dense_ffn * 4 == whole.dense_ffn);
    CHECK(part.experts * 8 * 2 == whole.experts);
    CHECK(part.router == whole.router);
    CHECK(part.norms == whole.norms);
}

TEST_CASE("more tensor ranks than key-value heads hold copies of them", "[model]") {
    auto const model = shipped_model("ling_lite");
    // 16 heads over 8 ranks: 2 query heads each, and one of the 4 key-value heads
    Shard const shard{.tensor = 8, .sequence_parallel = true};
    CHECK(rank_parameters(model, 0, shard).attention == 2048LL * 128 * (2 * 2 + 2 * 1));
}

TEST_CASE("what is trained and saved has the MTP modules that the published count leaves out", "[model]") {
    auto const v3 = shipped_model("deepseek_v3");
    // one layer with all experts, norms before it and a projection of two hidden states
    CHECK(trained_parameters(v3) - total_parameters(v3) ==
          layer_parameters(v3, 60).total() + 2 * std::int64_t{7168} * 7168 + 3 * 7168);
    CHECK(trained_parameters(shipped_model("ling_plus")) == total_parameters(shipped_model("ling_plus")));
}

TEST_CASE("a division that leaves a part over is refused with its reason", "[model]") {
    auto const model = shipped_model("ling_plus");
    CHECK_FALSE(problem_with(model, {.tensor = 8, .sequence_parallel = true}));
    CHECK_FALSE(problem_with(shipped_model("llama2_70b"), {.tensor = 8}));
    CHECK_FALSE(problem_with(model, {.context = 8, .context_by_heads = true}));
    CHECK_FALSE(problem_with(model, {.context = 16}));
    using enum ShardDegree;
    struct Case {
        Shard shard;
        ShardDegree degree;
        std::string text;
    };
    for (auto const& [shard, degree, text] :
         {Case{{.tensor = 16}, tensor, "56 attention heads"},
          Case{{.expert = 65}, expert, "64 experts are fewer"},
          Case{{.expert = 3}, expert, "64 experts do not divide by expert = 3"},
          Case{{.tensor = 8}, tensor, "without sequence_parallel"},
          Case{{.context = 16, .context_by_heads = true}, context, "56 attention heads of a tensor rank"},
          Case{{.context = 56, .context_by_heads = true}, context, "8 key-value heads of a tensor rank"},
          Case{{.expert_tensor = 5}, expert_tensor, "expert_ffn 3072"}}) {
        auto const problem = problem_with(model, shard);
        REQUIRE(problem);
        CHECK(problem->degree == degree);
        CHECK_THAT(problem->text, Catch::Contains(text));
    }
    CHECK_THROWS_AS(rank_parameters(model, 0, {.tensor = 16}), BugError);
}

TEST_CASE("a rank whose number of experts is given need not hold an equal part", "[model]") {
    auto const model = shipped_model("ling_plus");
    CHECK_FALSE(problem_with(model, {.expert = 3}, 22));
    CHECK(problem_with(model, {.expert = 65}, 1));
}

TEST_CASE("a layer's weights lie in as many tensors as its projections, norms and router", "[model]") {
    CHECK(weight_tensors(shipped_model("llama2_7b"), 0) == 9); // q, k, v, o, three of the FFN, two norms
    CHECK(weight_tensors(shipped_model("qwen3_235b_a22b"), 0) ==
          2 + 6 + 1); // norms of queries and keys, the router
    CHECK(weight_tensors(shipped_model("deepseek_v3"), 0) == 2 + 7 + 3);  // dense, latent attention
    CHECK(weight_tensors(shipped_model("deepseek_v3"), 60) == 2 + 7 + 4); // the router and a shared expert
}
