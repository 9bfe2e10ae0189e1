#include "run_program.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace moesaic;
using Catch::Matchers::Contains;
using nlohmann::json;

TEST_CASE("chips lists every chip with the mark of weak figures", "[cli]") {
    auto const ran = run_program("chips");
    CHECK(ran.exit_code == 0);
    CHECK_THAT(ran.out, Contains("nvidia_h20 ") && Contains("huawei_ascend_910b2"));
    CHECK_THAT(ran.out, Contains("344?")); // the estimated peak of the MI308X
}

TEST_CASE("chips --json is one object with units in its keys", "[cli]") {
    auto const ran = run_program("chips --json");
    REQUIRE(ran.exit_code == 0);
    auto const chips = json::parse(ran.out).at("chips");
    CHECK(chips.size() == 51);
    auto const h20 = std::ranges::find_if(chips, [](json const& c) { return c.at("id") == "nvidia_h20"; });
    REQUIRE(h20 != chips.end());
    CHECK(h20->at("peak_bf16_flop_per_s") == 148e12);
    CHECK(h20->at("confidence").at("peak_bf16") == "published");
}

TEST_CASE("chips show gives sources, alternatives, prices and what is not known", "[cli]") {
    auto const ran = run_program("chips show alibaba_ppu");
    CHECK(ran.exit_code == 0);
    CHECK_THAT(ran.out,
               Contains("118.7 TFLOP/s") && Contains("CCTV news board") && Contains("ling_2025, rent"));
    CHECK_THAT(ran.out, Contains("not known: package.load_power, package.die_area_mm2"));
    CHECK_THAT(ran.out, Contains("https://"));
}

TEST_CASE("chips show --json has each figure with its source", "[cli]") {
    auto const ran = run_program("chips show nvidia_h20 --json");
    REQUIRE(ran.exit_code == 0);
    auto const chip = json::parse(ran.out);
    auto const& peak = chip.at("figures").at("peak.bf16");
    CHECK(peak.at("value") == 148e12);
    CHECK_FALSE(peak.at("source").get<std::string>().empty());
    CHECK(peak.at("alternatives").at(0).at("value") == 147e12);
    CHECK(chip.at("source_addresses").contains(peak.at("source").get<std::string>()));
}

TEST_CASE("a mistyped chip or cluster exits with 2 and names the nearest", "[cli]") {
    auto const chip = run_program("chips show nvidia_h02 2>&1");
    CHECK(chip.exit_code == 2);
    CHECK_THAT(chip.out, Contains("no chip is called \"nvidia_h02\"") && Contains("nvidia_h20"));
    auto const cluster = run_program("clusters show h80_4096 2>&1");
    CHECK(cluster.exit_code == 2);
    CHECK_THAT(cluster.out, Contains("no cluster is called") && Contains("h800_4096"));
    CHECK(run_program("chips frob 2>/dev/null").exit_code == 2);
}

TEST_CASE("clusters show prints bandwidth per tier and bisection", "[cli]") {
    auto const ran = run_program("clusters show deepseek_h800_2048");
    CHECK(ran.exit_code == 0);
    // 1,024 chips of one half, 50 GB/s each
    CHECK_THAT(ran.out, Contains("256 nodes of 8 chips = 2048 chips") && Contains("bisection 51.2 TB/s"));
}

TEST_CASE("clusters --json and clusters show --json are one object", "[cli]") {
    auto const list = run_program("clusters --json");
    REQUIRE(list.exit_code == 0);
    CHECK(json::parse(list.out).at("clusters").size() > 10);
    auto const shown = run_program("clusters show h20_4096 --json");
    REQUIRE(shown.exit_code == 0);
    auto const cluster = json::parse(shown.out);
    CHECK(cluster.at("nics_per_node") == 4);
    CHECK(cluster.at("tiers").at(1).at("per_chip_all_at_once_bytes_per_s") == 25e9);
    CHECK(cluster.at("figures").at("nic.bandwidth").at("confidence") == "estimate");
}
