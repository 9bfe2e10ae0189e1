#include "clusters_for_tests.hpp"
#include "io/toml.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;
using Catch::Matchers::WithinRel;

namespace {

Fact<BytesPerSecond> gb_per_s(double value) { return assumed(BytesPerSecond{value * 1e9}); }

/// 4 nodes of 2 chips to a router, 2 routers to a group, 2 groups.
Topology dragonfly() {
    auto cluster = cluster_of({.chips = 2, .nics = 2, .nodes = 16, .nodes_per_leaf = 4});
    cluster.fabric.kind = FabricKind::dragonfly;
    cluster.fabric.groups = LeafGroups{.leaves = 2,
                                       .local_link = gb_per_s(100.0),
                                       .global_links = gb_per_s(150.0),
                                       .latency = assumed(Seconds{5e-6})};
    return Topology{{{std::move(cluster), 32}}, {}};
}

Topology torus(std::vector<int> shape, int chips_per_node) {
    int nodes = 1;
    for (auto const length : shape) {
        nodes *= length;
    }
    auto cluster = cluster_of({.chips = chips_per_node, .nics = 1, .nodes = nodes});
    cluster.fabric.kind = FabricKind::torus;
    cluster.fabric.torus =
        Torus{.shape = std::move(shape), .link = gb_per_s(40.0), .hop_latency = assumed(Seconds{1e-6})};
    return Topology{{{std::move(cluster), nodes * chips_per_node}}, {}};
}

int hops(Topology const& topology, int from, int to) {
    int out = 0;
    for (auto const link : topology.route(ChipIndex{from}, ChipIndex{to})) {
        out += topology.link(link).direction == Direction::through ? 1 : 0;
    }
    return out;
}

Fabric read(std::string const& text, int nodes) {
    return read_fabric(io::parse_toml(text, "fabric.toml"), nodes);
}

std::string const torus_text = R"(
kind = "torus"
shape = [4, 2]
link = { value = "50 GB/s", source = "test", confidence = "estimate" }
hop_latency = { value = "1 us", source = "test", confidence = "estimate" }
source = "test"
confidence = "estimate"
)";

} // namespace

TEST_CASE("Chips of a dragonfly meet at a router, in their group, or beyond it", "[hardware]") {
    auto const topology = dragonfly();
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{1}) == Tier::node);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{7}) == Tier::leaf);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{8}) == Tier::spine);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{16}) == Tier::core);
    auto const links = [&](int to) { return topology.route(ChipIndex{0}, ChipIndex{to}).size(); };
    CHECK(links(7) == 2);
    CHECK(links(8) == 4);
    CHECK(links(16) == 6);
    // 3 us over a router, 2 more into the group, 5 more beyond it
    CHECK_THAT(topology.latency(ChipIndex{0}, ChipIndex{16}).value(), WithinRel(10e-6, 1e-12));
}

TEST_CASE("A dragonfly's router has its links into the group, a group its global links", "[hardware]") {
    auto const topology = dragonfly();
    auto const route = topology.route(ChipIndex{0}, ChipIndex{16});
    CHECK(topology.link(route[1]).bandwidth.value() == 100e9); // to the one other router
    CHECK(topology.link(route[2]).bandwidth.value() == 150e9);
    CHECK(topology.chips_behind(route[1]).size() == 8);
    CHECK(topology.chips_behind(route[2]).size() == 16);
    CHECK(topology.bisection(PoolId{0}).value() == 150e9); // the groups are its halves
}

TEST_CASE("Pods of a fat tree share what their leaves send up by the oversubscription", "[hardware]") {
    auto cluster =
        cluster_of({.chips = 8, .nics = 8, .nodes = 8, .nodes_per_leaf = 2, .oversubscription = 2.0});
    cluster.fabric.groups =
        LeafGroups{.leaves = 2, .oversubscription = 4.0, .latency = assumed(Seconds{0.0})};
    Topology const topology{{{cluster, 64}}, {}};
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{8}) == Tier::leaf);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{16}) == Tier::spine);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{32}) == Tier::core);
    auto const route = topology.route(ChipIndex{0}, ChipIndex{32});
    REQUIRE(route.size() == 6);
    // rail 0: 2 NICs of 50 GB/s to a leaf, half of it up, 2 leaves to a pod, a quarter of it beyond
    CHECK(topology.link(route[1]).bandwidth.value() == 50e9);
    CHECK(topology.link(route[2]).bandwidth.value() == 25e9);
}

TEST_CASE("A torus goes the shorter way round, dimension by dimension", "[hardware]") {
    auto const topology = torus({4, 5}, 1); // node = 5 row + column
    CHECK(hops(topology, 0, 1) == 1);
    CHECK(hops(topology, 0, 4) == 1); // round the row of 5
    CHECK(hops(topology, 0, 2) == 2);
    CHECK(hops(topology, 0, 15) == 1); // round the column of 4
    CHECK(hops(topology, 0, 12) == 4); // 2 rows, 2 columns
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{4}) == Tier::leaf);
    CHECK(topology.tier(ChipIndex{0}, ChipIndex{12}) == Tier::spine);
    CHECK_THAT(topology.latency(ChipIndex{0}, ChipIndex{12}).value(), WithinRel(3e-6 + 4e-6, 1e-12));
}

TEST_CASE("On a torus of even and odd lengths, all pairs load every link of a dimension alike",
          "[hardware]") {
    for (auto const& shape : std::vector<std::vector<int>>{{4, 4}, {2, 6}, {3, 5}, {2, 2, 4}}) {
        auto const topology = torus(shape, 1);
        std::map<LinkId, int> loads;
        for (int from = 0; from < topology.chips(); ++from) {
            for (int to = 0; to < topology.chips(); ++to) {
                for (auto const link : topology.route(ChipIndex{from}, ChipIndex{to})) {
                    loads[link] += topology.link(link).direction == Direction::through ? 1 : 0;
                }
            }
        }
        std::map<char, std::pair<int, int>> range; // of the last letter of a link's name: its dimension
        for (auto const& [link, load] : loads) {
            auto const& l = topology.link(link);
            if (l.direction == Direction::through) {
                auto const [at, is_new] = range.try_emplace(l.name.back(), load, load);
                at->second = {std::min(at->second.first, load), std::max(at->second.second, load)};
            }
        }
        CHECK(range.size() == shape.size());
        for (auto const& [dimension, least_and_most] : range) {
            INFO("dimension " << dimension);
            CHECK(least_and_most.first == least_and_most.second);
        }
    }
}

TEST_CASE("A torus is as wide as it is at its narrowest, in whatever order its lengths stand", "[hardware]") {
    auto const bisection = [](std::vector<int> shape) {
        return torus(std::move(shape), 1).bisection(PoolId{0}).value();
    };
    // a ring of 8 is cut twice, 2 x 2 links of 40 GB/s at each cut
    CHECK(bisection({8, 2, 2}) == bisection({2, 2, 8}));
    CHECK(bisection({2, 8, 2}) == bisection({2, 2, 8}));
    CHECK_THAT(bisection({2, 2, 8}), WithinRel(2 * 4 * 40e9, 1e-12));
}

TEST_CASE("A router of a torus carries its own hops, ties half by each way round", "[hardware]") {
    auto const topology = torus({4, 4}, 2);
    auto const links = topology.own_hops(ChipIndex{10}, ChipIndex{12}); // from node 5 to node 6
    REQUIRE(links.size() == 1);
    CHECK(topology.link(links[0].first).name == "pool0.node5.+1");
    CHECK(links[0].second == 1.0);
    double plus = 0.0, minus = 0.0;
    for (auto const& [link, hops] :
         topology.own_hops(ChipIndex{0}, ChipIndex{20})) { // 2 rows and 2 columns on
        (topology.link(link).name.find('+') != std::string::npos ? plus : minus) += hops;
    }
    CHECK(plus == 2.0);
    CHECK(minus == 2.0);
    CHECK(dragonfly().own_hops(ChipIndex{0}, ChipIndex{16}).empty());
}

TEST_CASE("A torus whose shape does not hold the nodes is an error at its shape", "[hardware]") {
    CHECK(read(torus_text, 8).torus->shape == std::vector<int>{4, 2});
    CHECK_THROWS_WITH(read(torus_text, 12),
                      Contains("fabric.toml:3") && Contains("8 places") && Contains("12 nodes"));
}

TEST_CASE("A dragonfly without groups is an error that names them", "[hardware]") {
    std::string const text = R"(
kind = "dragonfly"
nodes_per_leaf = 4
spine_latency = { value = "1 us", source = "test", confidence = "estimate" }
source = "test"
confidence = "estimate"
)";
    CHECK_THROWS_WITH(read(text, 16), Contains("groups"));
}
