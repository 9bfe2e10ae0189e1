#include "unit/hardware/clusters_for_tests.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;

namespace {

double bisection_of(ClusterShape const& shape) { return topology_of(shape).bisection(PoolId{0}).value(); }

} // namespace

TEST_CASE("half of a switched node reaches the other half at full port speed", "[hardware]") {
    CHECK(bisection_of({.nodes = 1}) == Approx(4 * 400e9));
}

TEST_CASE("half of a mesh reaches the other half over the wires between them", "[hardware]") {
    // 4 x 4 pairs of 400/7 GB/s
    CHECK(bisection_of({.nodes = 1, .scale_up = ScaleUpKind::full_mesh}) ==
          Approx(16 * 400e9 / 7).epsilon(1e-9));
}

TEST_CASE("without oversubscription the NICs of one half are the bisection", "[hardware]") {
    CHECK(bisection_of({.nodes = 2}) == Approx(8 * 50e9));
    CHECK(bisection_of({.nodes = 8}) == Approx(4 * 8 * 50e9));
    CHECK(bisection_of({.nodes = 8, .fabric = FabricKind::leaf_spine}) == Approx(4 * 8 * 50e9));
}

TEST_CASE("with oversubscription the uplinks of one half are the bisection", "[hardware]") {
    // halves of 4 nodes = 2 groups: 2 groups x 8 leaves x 2 NICs x 50 GB/s / 4
    CHECK(bisection_of({.nodes = 8, .oversubscription = 4.0}) == Approx(2 * 8 * 2 * 50e9 / 4));
}

TEST_CASE("a cut through the middle of a group adds what passes inside its leaves", "[hardware]") {
    // 6 nodes, groups of 4 (8 leaves each): the first half is 3 nodes of group 0, the second 1 of group 0 and
    // 2 of group 1. Into group 0's last node 8 NICs, all inside the leaves: 400 GB/s; into group 1 its 8
    // uplinks carry 2 NICs / 2 each: 400 GB/s. The uplinks of group 0 carry 4 NICs / 2 each: 800 GB/s,
    // enough.
    CHECK(bisection_of({.nodes = 6, .nodes_per_leaf = 4, .oversubscription = 2.0}) == Approx(800e9));
}

TEST_CASE("a node that the middle cuts adds its scale-up switch", "[hardware]") {
    // 3 nodes of 8, one leaf group, halves of 12 chips: 4 x 400 GB/s inside node 1, and 12 NICs of 50 GB/s
    CHECK(bisection_of({.nodes = 3, .nodes_per_leaf = 4}) == Approx(4 * 400e9 + 12 * 50e9));
}

TEST_CASE("shared NICs count once", "[hardware]") {
    CHECK(bisection_of({.nics = 4, .nodes = 2}) == Approx(4 * 50e9));
}

TEST_CASE("one chip has no bisection", "[hardware]") {
    Topology const topology{{{cluster_of({}), 1}}, {}};
    CHECK(topology.bisection(PoolId{0}) == BytesPerSecond{0});
}

TEST_CASE("more bandwidth never lowers the bisection", "[hardware]") {
    for (auto const scale_up : {ScaleUpKind::switched, ScaleUpKind::full_mesh}) {
        for (auto const fabric : {FabricKind::rail_fat_tree, FabricKind::leaf_spine}) {
            for (int const nodes : {1, 2, 3, 5, 8}) {
                for (double const oversubscription : {1.0, 3.0}) {
                    auto const base = cluster_of({.nics = 4,
                                                  .nodes = nodes,
                                                  .scale_up = scale_up,
                                                  .fabric = fabric,
                                                  .oversubscription = oversubscription});
                    auto const bisection = [](Cluster const& c) {
                        return Topology{{{c, chips_of(c)}}, {}}.bisection(PoolId{0});
                    };
                    auto faster_nics = base, faster_scale_up = base;
                    faster_nics.node.nic_bandwidth.value *= 1.7;
                    faster_scale_up.node.scale_up.bandwidth.value *= 1.7;
                    CHECK(bisection(faster_nics) >= bisection(base));
                    CHECK(bisection(faster_scale_up) >= bisection(base));
                }
            }
        }
    }
}
