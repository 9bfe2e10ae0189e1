#include "hardware/catalogue.hpp"
#include "hardware/figures.hpp"
#include "hardware/tier_summary.hpp"
#include "unit/hardware/clusters_for_tests.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;

namespace {

Origin const here{"test.toml", 3, 8, "pools[0].figures"};
Chip h20() { return Catalogue{MOESAIC_SOURCE_DIR "/platforms"}.chip("nvidia_h20", here); }

} // namespace

TEST_CASE("an alternative takes the place of a figure, and the figure becomes the alternative",
          "[hardware]") {
    auto const chip = with_alternative(h20(), "peak.bf16", 1, here);
    auto const& peak = chip.peak.at(Dtype::bf16);
    CHECK(peak.value == FlopPerSecond{147e12}); // device E of the Ling paper
    REQUIRE(peak.alternatives.size() == 1);
    CHECK(peak.alternatives[0].value == FlopPerSecond{148e12});
    CHECK(peak.source != peak.alternatives[0].source);
}

TEST_CASE("an alternative that does not exist is an error at the place that asked", "[hardware]") {
    CHECK_THROWS_WITH(with_alternative(h20(), "peak.bf16", 2, here),
                      Contains("test.toml:3:8") && Contains("no alternative 2 (there are 1)"));
    CHECK_THROWS_WITH(with_alternative(h20(), "peak.bf17", 1, here), Contains("Did you mean peak.bf16"));
    CHECK_THROWS_WITH(with_alternative(h20(), "peak.fp64", 1, here), Contains("with alternatives"));
}

TEST_CASE("the summary of a fabric has one entry per tier", "[hardware]") {
    auto const topology = topology_of({.nics = 4, .oversubscription = 2.0});
    auto const tiers = summarize_tiers(topology, PoolId{0});
    REQUIRE(tiers.size() == 3);
    CHECK(tiers[0].tier == Tier::node);
    CHECK(tiers[0].alone.value() == Approx(400e9));
    CHECK(tiers[1].tier == Tier::leaf);
    CHECK(tiers[1].alone.value() == Approx(50e9));
    CHECK(tiers[1].all_at_once.value() == Approx(25e9)); // two chips per NIC
    CHECK(tiers[2].tier == Tier::spine);
    CHECK(tiers[2].alone.value() ==
          Approx(50e9)); // the uplink of two NICs over 2 carries 50 GB/s for 4 chips
    CHECK(tiers[2].all_at_once.value() == Approx(12.5e9));
}

TEST_CASE("in a mesh one pair has a wire, all wires of a chip together its port", "[hardware]") {
    auto const tiers = summarize_tiers(topology_of({.scale_up = ScaleUpKind::full_mesh}), PoolId{0});
    CHECK(tiers[0].alone.value() == Approx(400e9 / 7));
    CHECK(tiers[0].all_at_once.value() == Approx(400e9));
}

TEST_CASE("one node has no tier beyond itself", "[hardware]") {
    CHECK(summarize_tiers(topology_of({.nodes = 1}), PoolId{0}).size() == 1);
}
