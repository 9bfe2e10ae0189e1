#include "run_program.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace moesaic;
using nlohmann::json;

namespace {

json deepseek_v3(std::string const& settings) {
    auto const ran = run_program(
        "run --json '" MOESAIC_SOURCE_DIR "/scenarios/papers/deepseek_v3/h800_2048.toml' " + settings);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out);
}

double step_of(std::string const& settings) { return deepseek_v3(settings)["step_time_s"]; }

} // namespace

TEST_CASE("DeepSeek-V3 fits on 2,048 H800 as it was trained", "[property]") {
    auto const run = deepseek_v3("");
    CHECK(run["fits"] == true);
    CHECK(run["chips"] == 2048);
}

TEST_CASE("what DeepSeek-V3 was trained with is faster than leaving it out", "[property]") {
    auto const as_trained = step_of("");
    CHECK(as_trained < step_of("--set parallel.overlap_exchange=false"));
    CHECK(as_trained < step_of("--set 'parallel.expert_exchange=\"per_expert\"'"));
    CHECK(as_trained < step_of("--set 'parallel.schedule=\"1f1b\"'"));
}

TEST_CASE("communication that takes no share of the chip is faster, up to that share", "[property]") {
    auto const without = step_of("--set parallel.communication_share=0");
    auto const with = step_of("");
    CHECK(without < with);
    CHECK(with < without / (1 - 20.0 / 132));
}

TEST_CASE("uneven routing is slower than even routing", "[property]") {
    CHECK(step_of("--set 'routing.kind=\"gini\"' --set routing.gini=0.105") > step_of(""));
}
