#include "engine/group_layout.hpp"
#include "engine/traffic.hpp"
#include "engine_cluster.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using hardware::Tier;

namespace {

/// Peers per tier as the topology says, pair by pair.
PerTier by_pairs(ChipIndex rank, parallel::RankSet const& group, hardware::Topology const& topology) {
    PerTier peers{};
    for (std::int64_t i = 0; i < group.count; ++i) {
        if (member(group, i) != rank) {
            peers[static_cast<int>(topology.tier(rank, member(group, i)))] += 1.0;
        }
    }
    return peers;
}

void check_peers(Shape const& shape, parallel::RankSet const& group) {
    auto const topology = topology_of(shape);
    auto const all = class_of("all", ranks(0, 1, shape.nodes * shape.chips));
    ClassTraffic const traffic{Direct{}, group, all, topology};
    for (std::int64_t chip = 0; chip < topology.chips(); ++chip) {
        auto const own = group_of(ChipIndex{chip}, group, all.members);
        auto const expected = by_pairs(ChipIndex{chip}, own, topology);
        auto const& found = traffic.of(ChipIndex{chip}).bytes;
        for (int tier = 0; tier < tiers; ++tier) {
            INFO("chip " << chip << " tier " << tier);
            CHECK(found[tier] * static_cast<double>(group.count) == Approx(expected[tier]).margin(1e-9));
        }
    }
}

} // namespace

TEST_CASE("Peers are counted by leaf as pair by pair", "[engine]") {
    using enum hardware::FabricKind;
    check_peers({.nodes = 6, .nodes_per_leaf = 2}, ranks(0, 1, 48));
    check_peers({.nodes = 6, .nodes_per_leaf = 4}, ranks(0, 2, 24));
    check_peers({.nodes = 6, .nics = 4, .nodes_per_leaf = 4, .fabric = rail_fat_tree}, ranks(0, 1, 16));
    check_peers({.nodes = 6, .nodes_per_leaf = 4, .fabric = rail_fat_tree}, ranks(0, 3, 16));
}

TEST_CASE("A ring over nodes: channels, hops and partners", "[engine]") {
    // nodes of 8 chips, 2 to a leaf; 3 of 4 even chips of node 0, then 4 each of nodes 1 and 2
    auto const topology = topology_of({.nodes = 3, .nodes_per_leaf = 2});
    GroupLayout const layout{ranks(2, 2, 11), topology};
    REQUIRE(layout.nodes().size() == 3);
    CHECK(layout.nodes()[0].size() == 3);
    CHECK(layout.channels() == 3);
    CHECK(layout.farthest_hop() == Tier::spine);
    CHECK(layout.hops(Tier::leaf) == 3);
    CHECK(layout.hops(Tier::spine) == 2);        // from node 1 to 2 and back to 0
    CHECK(layout.partner(1, 3) == ChipIndex{8}); // place 3 has no channel of its own
    CHECK(layout.place_of(ChipIndex{10}).node == 1);
}
