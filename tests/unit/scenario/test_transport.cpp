#include "io/text_file.hpp"
#include "scenario/run_scenario.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::scenario;

namespace {

Scenario read(std::vector<std::string> const& settings) {
    std::vector<io::TomlOverride> with;
    std::ranges::transform(settings, std::back_inserter(with), io::parse_override);
    std::string const data = MOESAIC_SOURCE_DIR;
    return read_scenario(data + "/scenarios/tutorial/10-tensor-and-transport.toml", with, data);
}

} // namespace

TEST_CASE(
    "a site link with a transport gets rate and start-up from the node types, and says what they rest on",
    "[scenario]") {
    auto const direct = read({});
    auto const& link = direct.site_links.at(0);
    CHECK(link.per_chip.value() == Approx(24.5e9));     // 910B2: NICs of 200 Gbit/s
    CHECK(link.bandwidth.value() == Approx(96 * 25e9)); // 96 H800 with a NIC each against 192
    CHECK(link.latency.value() == Approx(38e-6));
    CHECK_FALSE(link.sender_waits);
    REQUIRE(direct.assumptions.size() == 1);
    CHECK_THAT(direct.assumptions.front(),
               Catch::Contains("Between fast and small: device_direct") && Catch::Contains("DLSlime"));
}

TEST_CASE("NICs, bandwidth and latency of a transport may be given", "[scenario]") {
    auto const link =
        read({"site_links[0].transport=\"tcp\"", "site_links[0].nics=2", "site_links[0].latency=\"1 ms\""})
            .site_links.at(0);
    CHECK(link.bandwidth.value() == Approx(2 * 25e9));
    CHECK(link.latency.value() == Approx(1e-3));
    CHECK(link.per_chip < BytesPerSecond{1.073e9});
    CHECK(link.sender_waits);
    CHECK_THROWS_WITH(read({"site_links[0].transport=\"pigeon\""}),
                      Catch::Contains("\"pigeon\" is not known"));
}

TEST_CASE("pools that no link joins are refused by their names, with what may be said", "[scenario]") {
    TemporaryFile const file{"apart.toml"};
    io::write_text_file(file.path, R"(
name = "apart"
model = "ling_lite"
[training]
global_batch = 64
sequence_length = 4096
[[pools]]
name = "here"
cluster = "h800_4096"
chips = 8
[[pools]]
name = "there"
cluster = "ascend_910b2_4096"
chips = 8
)");
    auto const scenario = read_scenario(file.path, {}, MOESAIC_SOURCE_DIR, PlanNeed::optional);
    CHECK_THROWS_WITH(topology_of(scenario), Catch::Contains("apart.toml:14") &&
                                                 Catch::Contains("no link joins pool there to pool here") &&
                                                 Catch::Contains("transport = \"device_direct\""));
}
