#include "unit/hardware/clusters_for_tests.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;

namespace {

ChipIndex chip(int i) { return ChipIndex{i}; }

std::vector<std::string> names(Topology const& topology, int from, int to) {
    std::vector<std::string> out;
    for (auto const id : topology.route(chip(from), chip(to))) {
        out.push_back(topology.link(id).name);
    }
    return out;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("chips of one node meet in the scale-up switch", "[hardware]") {
    auto const topology = topology_of({});
    CHECK(topology.tier(chip(1), chip(6)) == Tier::node);
    CHECK(names(topology, 1, 6) == Names{"pool0.node0.chip1.scale_up.out", "pool0.node0.chip6.scale_up.in"});
    CHECK(topology.latency(chip(1), chip(6)).value() == Approx(1e-6)); // half of 1 us on either link
}

TEST_CASE("a chip needs no link to itself", "[hardware]") {
    auto const topology = topology_of({});
    CHECK(topology.tier(chip(5), chip(5)) == Tier::self);
    CHECK(topology.route(chip(5), chip(5)).empty());
    CHECK(topology.latency(chip(5), chip(5)) == Seconds{0});
}

TEST_CASE("in a full mesh every pair has a wire of its own", "[hardware]") {
    auto const topology = topology_of({.scale_up = ScaleUpKind::full_mesh});
    CHECK(names(topology, 9, 12) == Names{"pool0.node1.chip1.to.chip4"});
    auto const& wire = topology.link(topology.route(chip(9), chip(12)).front());
    CHECK(wire.bandwidth.value() == Approx(400e9 / 7));
    CHECK(wire.direction == Direction::pair);
    CHECK(wire.latency == Seconds{1e-6});
    CHECK(topology.chips_behind(topology.route(chip(9), chip(12)).front()) == std::vector{chip(9)});
}

TEST_CASE("the same NIC of two nodes of a group meets in a leaf switch", "[hardware]") {
    auto const topology = topology_of({});
    CHECK(topology.tier(chip(3), chip(11)) == Tier::leaf);
    CHECK(names(topology, 3, 11) == Names{"pool0.node0.nic3.out", "pool0.node1.nic3.in"});
    CHECK(topology.latency(chip(3), chip(11)).value() == Approx(3e-6));
}

TEST_CASE("another rail of the same group is reached across the spine", "[hardware]") {
    auto const topology = topology_of({});
    CHECK(topology.tier(chip(3), chip(12)) == Tier::spine);
    CHECK(names(topology, 3, 12) == Names{"pool0.node0.nic3.out", "pool0.leaf0.3.uplink.out",
                                          "pool0.leaf0.4.uplink.in", "pool0.node1.nic4.in"});
    CHECK(topology.latency(chip(3), chip(12)).value() == Approx(5e-6)); // 3 us + 2 us for the spine
}

TEST_CASE("the same rail of another group is reached across the spine", "[hardware]") {
    auto const topology = topology_of({});
    CHECK(names(topology, 0, 16) == Names{"pool0.node0.nic0.out", "pool0.leaf0.0.uplink.out",
                                          "pool0.leaf1.0.uplink.in", "pool0.node2.nic0.in"});
}

TEST_CASE("in a leaf-spine fabric all chips of a group are one leaf apart", "[hardware]") {
    auto const topology = topology_of({.fabric = FabricKind::leaf_spine});
    CHECK(topology.tier(chip(3), chip(12)) == Tier::leaf);
    CHECK(topology.tier(chip(3), chip(19)) == Tier::spine);
}

TEST_CASE("the directions of a path go outward, then inward", "[hardware]") {
    auto const topology = topology_of({});
    std::vector<Direction> directions;
    for (auto const id : topology.route(chip(3), chip(12))) {
        directions.push_back(topology.link(id).direction);
    }
    CHECK(directions ==
          std::vector{Direction::outward, Direction::outward, Direction::inward, Direction::inward});
}

TEST_CASE("chips that share a NIC stand behind its port", "[hardware]") {
    auto const topology = topology_of({.nics = 4});
    auto const route = topology.route(chip(2), chip(10));
    CHECK(topology.chips_behind(route.front()) == std::vector{chip(2), chip(3)});
    CHECK(topology.chips_behind(route.back()) == std::vector{chip(10), chip(11)});
    CHECK(topology.tier(chip(2), chip(11)) == Tier::leaf); // chip 11 has the same NIC as chip 10
}

TEST_CASE("the uplink of a leaf carries its NICs divided by the oversubscription", "[hardware]") {
    auto const topology = topology_of({.nodes_per_leaf = 2, .oversubscription = 4.0});
    auto const uplink = topology.route(chip(0), chip(16))[1];
    // 2 NICs of 50 GB/s, 4 times oversubscribed
    CHECK(topology.link(uplink).bandwidth.value() == Approx(25e9));
    CHECK(topology.chips_behind(uplink) == std::vector{chip(0), chip(8)});
}

TEST_CASE("a leaf-spine uplink has the chips of the whole group behind it", "[hardware]") {
    auto const topology = topology_of({.fabric = FabricKind::leaf_spine});
    auto const uplink = topology.route(chip(0), chip(16))[1];
    CHECK(topology.link(uplink).bandwidth.value() == Approx(16 * 50e9));
    CHECK(topology.chips_behind(uplink).size() == 16);
}

TEST_CASE("a pool takes the first chips of its cluster, also a part of a node", "[hardware]") {
    Topology const topology{{{cluster_of({.nics = 4}), 11}, {cluster_of({}), 8}},
                            {{0, 1, BytesPerSecond{10e9}, Seconds{1e-3}}}};
    CHECK(topology.chips() == 19);
    CHECK(topology.first_chip(PoolId{1}) == chip(11));
    CHECK(topology.pool_of(chip(10)) == PoolId{0});
    CHECK(topology.pool_of(chip(11)) == PoolId{1});
    // chip 10 is alone behind the second NIC of node 1: chip 11 belongs to the other pool
    auto const route = topology.route(chip(2), chip(10));
    CHECK(topology.chips_behind(route.back()) == std::vector{chip(10)});
}

TEST_CASE("pools meet over the ports of their site link", "[hardware]") {
    Topology const topology{{{cluster_of({}), 32}, {cluster_of({.nodes = 2}), 16}},
                            {{0, 1, BytesPerSecond{12e9}, Seconds{4e-3}}}};
    CHECK(topology.tier(chip(0), chip(40)) == Tier::site);
    auto const route = topology.route(chip(0), chip(40));
    CHECK(names(topology, 0, 40) == Names{"pool0.node0.nic0.out", "pool0.leaf0.0.uplink.out",
                                          "site0.pool0.out", "site0.pool1.in", "pool1.leaf0.0.uplink.in",
                                          "pool1.node1.nic0.in"});
    CHECK(topology.link(route[2]).bandwidth == BytesPerSecond{12e9});
    CHECK(topology.chips_behind(route[2]).size() == 32);
    CHECK(topology.chips_behind(route[3]).size() == 16);
    // 3 us of NICs, 2 us of spines, 4 ms of the site link
    CHECK(topology.latency(chip(0), chip(40)).value() == Approx(5e-6 + 4e-3));
}

TEST_CASE("with three pools each pair takes its own site link", "[hardware]") {
    Topology const topology{{{cluster_of({}), 8}, {cluster_of({}), 8}, {cluster_of({}), 8}},
                            {{0, 1, BytesPerSecond{1e9}, Seconds{1e-3}},
                             {1, 2, BytesPerSecond{2e9}, Seconds{1e-3}},
                             {2, 0, BytesPerSecond{3e9}, Seconds{1e-3}}}};
    CHECK(topology.link(topology.route(chip(0), chip(20))[2]).bandwidth == BytesPerSecond{3e9});
    CHECK(topology.link(topology.route(chip(20), chip(9))[2]).bandwidth == BytesPerSecond{2e9});
}

TEST_CASE("every route of a topology is whole, and the way back has the same latency", "[hardware]") {
    Topology const topology{
        {{cluster_of({.nics = 4, .scale_up = ScaleUpKind::full_mesh}), 20}, {cluster_of({.nodes = 2}), 12}},
        {{0, 1, BytesPerSecond{12e9}, Seconds{4e-3}}}};
    for (int a = 0; a < topology.chips(); ++a) {
        for (int b = 0; b < topology.chips(); ++b) {
            auto const route = topology.route(chip(a), chip(b));
            CHECK(route.empty() == (a == b));
            CHECK(topology.latency(chip(a), chip(b)).value() ==
                  Approx(topology.latency(chip(b), chip(a)).value()));
            for (auto const id : route) {
                auto const& behind = topology.chips_behind(id);
                auto const end = topology.link(id).direction == Direction::inward ? b : a;
                CHECK(std::ranges::count(behind, chip(end)) == 1);
                CHECK(std::ranges::is_sorted(behind));
            }
        }
    }
}

TEST_CASE("a pool that asks for more chips than its cluster has is refused", "[hardware]") {
    CHECK_THROWS_WITH((Topology{{{cluster_of({}), 33}}, {}}),
                      Contains("test_cluster.toml") && Contains("33 chips") && Contains("has 32"));
    CHECK_THROWS_AS((Topology{{{cluster_of({}), 0}}, {}}), InputError);
}

TEST_CASE("pools that are not joined, or joined wrongly, are refused", "[hardware]") {
    std::vector<TopologyPool> const pools{{cluster_of({}), 8}, {cluster_of({}), 8}};
    SiteLink const good{0, 1, BytesPerSecond{1e9}, Seconds{1e-3}};
    CHECK_THROWS_WITH((Topology{pools, {}}),
                      Contains("pools 0 (test_cluster) and 1 (test_cluster) are not joined"));
    CHECK_THROWS_WITH((Topology{pools, {good, good}}),
                      Contains("site_links[1]") && Contains("a second time"));
    CHECK_THROWS_WITH((Topology{pools, {good, {0, 2, BytesPerSecond{1e9}, Seconds{0}}}}),
                      Contains("joins pools 0 and 2"));
    CHECK_THROWS_WITH((Topology{pools, {{0, 1, BytesPerSecond{0}, Seconds{0}}}}),
                      Contains("bandwidth above 0"));
}

TEST_CASE("a topology of 16,384 chips can be set up and asked for routes", "[hardware]") {
    auto const topology = topology_of({.nodes = 2048, .nodes_per_leaf = 32});
    CHECK(topology.chips() == 16384);
    std::size_t links = 0;
    for (int i = 0; i < topology.chips(); ++i) {
        links += topology.route(chip(i), chip((i * 7919 + 13) % 16384)).size();
    }
    CHECK(links > 16384 * 2);
}
