#include "model/parameters.hpp"
#include "unit/model/models.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

TEST_CASE("every shipped model has as many parameters as its makers say, within one per cent", "[model]") {
    auto const catalogue = shipped_models();
    for (auto const& id : catalogue.ids()) {
        auto const model = catalogue.model(id, Origin::whole_file("test"));
        INFO(id << " total " << total_parameters(model) << " active " << active_parameters(model));
        REQUIRE(model.published.has_value());
        CHECK(static_cast<double>(total_parameters(model)) == Approx(model.published->total).epsilon(0.01));
        if (model.published->active) {
            CHECK(static_cast<double>(active_parameters(model)) ==
                  Approx(*model.published->active).epsilon(0.01));
        }
    }
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
    Shard const shard{.tensor = 4, .expert = 8, .expert_tensor = 2};
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
    CHECK(rank_parameters(model, 0, {.tensor = 8}).attention == 2048LL * 128 * (2 * 2 + 2 * 1));
}

TEST_CASE("a division that leaves a part over is refused with its reason", "[model]") {
    auto const model = shipped_model("ling_plus");
    CHECK(problem_with(model, {.tensor = 8}) == std::nullopt);
    CHECK(problem_with(model, {.tensor = 16})->find("56 attention heads") != std::string::npos);
    CHECK(problem_with(model, {.expert = 65})->find("64 experts") != std::string::npos);
    CHECK(problem_with(model, {.expert_tensor = 5})->find("expert_ffn 3072") != std::string::npos);
    CHECK_THROWS_AS(rank_parameters(model, 0, {.tensor = 16}), BugError);
}
