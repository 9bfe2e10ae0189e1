#include "scenario/run_origin.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::scenario;

TEST_CASE("a run's origin tells file, overrides, tables and what was published", "[scenario]") {
    Scenario scenario;
    scenario.file = "my.toml";
    scenario.text = "name = \"my\"";
    scenario.overrides = {{"parallel.tensor", "2"}};
    scenario.timings = {"own.csv"};
    scenario.seed = 5;
    scenario.published =
        Published{.source = "a paper", .cost_per_trillion_tokens = Money{6.35e6, "CNY"}, .mfu = 0.21};
    auto const origin = origin_of(scenario, {"further.csv"}, "1.2.3");
    CHECK(origin.file == "my.toml");
    CHECK(origin.overrides == std::vector<std::string>{"parallel.tensor=2"});
    CHECK(origin.timings == std::vector<std::string>{"own.csv", "further.csv"});
    CHECK(origin.seed == 5);
    CHECK(origin.version == "1.2.3");
    REQUIRE(origin.published.size() == 2);
    CHECK(origin.published[0].metric == "cost_per_trillion_tokens");
    CHECK(origin.published[0].unit == "CNY");
    CHECK(origin.published[0].value == 6.35e6);
    CHECK(origin.published[1].metric == "mfu");
    CHECK(origin.published[1].source == "a paper");
}
