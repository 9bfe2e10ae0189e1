#include "hardware/catalogue.hpp"
#include "hardware/topology.hpp"
#include "hardware/transport.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;

namespace {

std::string const platforms = MOESAIC_SOURCE_DIR "/platforms";

NodeType node(std::string const& id) { return Catalogue{platforms}.node(id, {}); }

ChipPath path(std::string const& a, std::string const& b, Transport transport) {
    return path_between(node(a), node(b), transport, read_transports(platforms));
}

} // namespace

TEST_CASE("device-direct between unlike makers takes the measured rate of the slower NIC", "[hardware]") {
    // 8 NICs of 400 Gbit/s for 8 chips on both sides
    CHECK(path("hgx_h200", "oam_mi325x", Transport::device_direct).rate.value() == Approx(28.4e9));
    // 8 NICs of 200 Gbit/s on the A800's side
    CHECK(path("hgx_a800", "oam_mi325x", Transport::device_direct).rate.value() == Approx(24.5e9));
    // like makers: the line rate of 50 GB/s
    CHECK(path("hgx_h200", "hgx_h100", Transport::device_direct).rate.value() == Approx(50e9));
}

TEST_CASE("through host memory copies and wire take their turns", "[hardware]") {
    // 1 / (1/51.2 + 1/50 + 1/51.2) GB/s
    CHECK(path("hgx_h200", "oam_mi325x", Transport::host_memory).rate.value() ==
          Approx(1e9 / (1 / 51.2 + 1 / 50.0 + 1 / 51.2)));
    // one connection of 1.073 GB/s instead of the NIC
    auto const tcp = path("hgx_h200", "oam_mi325x", Transport::tcp);
    CHECK(tcp.rate.value() == Approx(1e9 / (1 / 51.2 + 1 / 1.073 + 1 / 51.2)));
    CHECK(tcp.startup.value() == Approx(200e-6));
    CHECK_THAT(tcp.basis, Catch::Contains("pytorch/gloo #248"));
    // Gloo's caller waits for what it sends
    CHECK(tcp.sender_waits);
    CHECK_FALSE(path("hgx_h200", "oam_mi325x", Transport::host_memory).sender_waits);
}

TEST_CASE("a rate that nobody has measured is said to be taken from another", "[hardware]") {
    auto slow = node("oam_mi325x");
    slow.nic_bandwidth.value = BytesPerSecond{12.5e9};
    auto const slower =
        path_between(node("hgx_h200"), slow, Transport::device_direct, read_transports(platforms));
    CHECK(slower.rate.value() == Approx(12.5e9 * 24.5 / 25.0)); // the share of the slowest record's line
    CHECK_THAT(slower.basis, Catch::Contains("no figure for NICs of"));
}

TEST_CASE("an unknown rate to the host names the node type", "[hardware]") {
    auto unknown = node("oam_mi325x");
    unknown.host_bandwidth.reset();
    CHECK_THROWS_WITH(path_between(node("hgx_h200"), unknown, Transport::tcp, read_transports(platforms)),
                      Catch::Contains("oam_mi325x") && Catch::Contains("host_bandwidth"));
}

TEST_CASE("chips with a path of their own between pools take it first and last", "[hardware]") {
    Catalogue const catalogue{platforms};
    auto const cluster = catalogue.cluster("h800_4096", {});
    Topology const topology{{{cluster, 16}, {cluster, 8}},
                            {{0, 1, BytesPerSecond{400e9}, Seconds{1e-5}, BytesPerSecond{1e9}}}};
    auto const route = topology.route(ChipIndex{3}, ChipIndex{17});
    CHECK(topology.link(route.front()).bandwidth.value() == 1e9);
    CHECK(topology.link(route.front()).direction == Direction::outward);
    CHECK(topology.chips_behind(route.front()) == std::vector{ChipIndex{3}});
    CHECK(topology.link(route.back()).direction == Direction::inward);
    CHECK(topology.chips_behind(route.back()) == std::vector{ChipIndex{17}});
    for (auto const link : topology.route(ChipIndex{3}, ChipIndex{11})) { // inside a pool: none
        CHECK(topology.link(link).bandwidth.value() > 1e9);
    }
}

TEST_CASE("senders wait between the pools whose link says so, both ways", "[hardware]") {
    Catalogue const catalogue{platforms};
    auto const cluster = catalogue.cluster("h800_4096", {});
    SiteLink const fast{0, 1, BytesPerSecond{400e9}, Seconds{1e-5}};
    SiteLink const other{0, 2, fast.bandwidth, fast.latency};
    SiteLink const slow{1, 2, BytesPerSecond{400e9}, Seconds{1e-5}, BytesPerSecond{1e9}, true};
    Topology const topology{{{cluster, 8}, {cluster, 8}, {cluster, 8}}, {fast, other, slow}};
    CHECK(topology.sender_waits(ChipIndex{8}, ChipIndex{16}));
    CHECK(topology.sender_waits(ChipIndex{16}, ChipIndex{8}));
    CHECK_FALSE(topology.sender_waits(ChipIndex{0}, ChipIndex{8}));
    CHECK_FALSE(topology.sender_waits(ChipIndex{8}, ChipIndex{9}));
}
