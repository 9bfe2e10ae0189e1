#include "scenario/scenario.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

namespace {

scenario::Scenario tutorial_with(std::vector<io::TomlOverride> const& settings) {
    return scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/03-experts-across-nodes.toml",
                                   settings, MOESAIC_SOURCE_DIR);
}

} // namespace

TEST_CASE("how a router loads the experts says how busy the busiest rank is", "[scenario]") {
    auto const even = tutorial_with({});
    CHECK_FALSE(even.routing);
    CHECK(even.plan.kinds.at(0).expert_imbalance == 1.0);
    auto const uneven = tutorial_with({{"routing.kind", "\"gini\""}, {"routing.gini", "0.24"}});
    REQUIRE(uneven.routing);
    // 128 experts on 16 ranks, 94 layers
    CHECK(uneven.plan.kinds.at(0).expert_imbalance ==
          model::rank_imbalance(*uneven.routing, uneven.model, 16, uneven.seed));
    CHECK(uneven.plan.kinds.at(0).expert_imbalance > 1.1);
    auto const narrow =
        tutorial_with({{"routing.kind", "\"gini\""}, {"routing.gini", "0.24"}, {"parallel.expert", "8"}});
    CHECK(narrow.plan.kinds.at(0).expert_imbalance < uneven.plan.kinds.at(0).expert_imbalance);
}

TEST_CASE("routing and expert_imbalance exclude each other", "[scenario]") {
    CHECK_THROWS_WITH(tutorial_with({{"routing.kind", "\"balanced\""}, {"parallel.expert_imbalance", "1.5"}}),
                      Catch::Contains("say the same thing twice"));
}
