#include "apart.hpp"
#include "engine/double_tree.hpp"
#include "engine/simulate.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using hardware::Tier;
using parallel::Collective;
using timing::Algorithm;
using timing::CollectiveKind;
using timing::Protocol;

namespace {

constexpr double megabytes = 96e6;

Collective named(CollectiveKind kind, Algorithm algorithm, parallel::RankSet group) {
    Collective out{kind, Bytes{megabytes}, group, "test", -1};
    out.algorithm = algorithm;
    return out;
}

/// Bytes that all ranks together send inside nodes and beyond them.
struct Sent {
    double inside = 0.0, beyond = 0.0;
};

Sent sent_by_all(Collective const& collective, hardware::Topology const& topology) {
    auto const members = collective.group;
    auto const rank_class = class_of("all", members);
    ClassTraffic const traffic{pattern_of(collective), members, rank_class, topology};
    Sent sum;
    for (std::int64_t i = 0; i < members.count; ++i) {
        auto const rank = member(members, i);
        std::vector<ChipIndex> const alone{rank};
        for (auto const& flow : lower(collective, rank_class, traffic, {rank, alone}, topology).flows) {
            (flow.tier == Tier::node ? sum.inside : sum.beyond) += flow.bytes.value();
        }
    }
    return sum;
}

} // namespace

TEST_CASE("Both trees reach every node from their root, and inner nodes of one are leaves of the other",
          "[engine]") {
    for (int const nodes : {1, 2, 3, 4, 7, 8, 13, 64, 100}) {
        INFO(nodes << " nodes");
        auto const places = double_tree(nodes);
        int parents = 0;
        for (auto const& place : places) {
            parents += static_cast<int>(place.parents.size());
            CHECK(place.children.size() + place.parents.size() <= 4); // 2 and 1 in one, 1 in the other
        }
        CHECK(parents == 2 * (nodes - 1)); // a root in each
        // from all nodes without a parent in one tree or the other, the edges reach everything
        std::set<int> reached;
        std::vector<int> next;
        for (int node = 0; node < nodes; ++node) {
            if (places[node].parents.size() < 2) {
                next.push_back(node);
            }
        }
        while (!next.empty()) {
            auto const node = next.back();
            next.pop_back();
            if (reached.insert(node).second) {
                next.insert(next.end(), places[node].children.begin(), places[node].children.end());
            }
        }
        CHECK(static_cast<int>(reached.size()) == nodes);
    }
}

TEST_CASE("A tree's all_reduce sends every byte up and down each edge between nodes", "[engine]") {
    auto const topology = topology_of({.nodes = 6, .nodes_per_leaf = 2});
    auto const sent =
        sent_by_all(named(CollectiveKind::all_reduce, Algorithm::tree, ranks(0, 1, 48)), topology);
    CHECK_THAT(sent.beyond, WithinRel(2.0 * 5.0 * megabytes, 1e-12));       // 5 edges, both ways
    CHECK_THAT(sent.inside, WithinRel(6.0 * 2.0 * 7.0 * megabytes, 1e-12)); // 7 hops of each node's chain
}

TEST_CASE("A tree's broadcast sends every byte down each edge once", "[engine]") {
    auto const topology = topology_of({.nodes = 5, .nodes_per_leaf = 2});
    auto const sent =
        sent_by_all(named(CollectiveKind::broadcast, Algorithm::tree, ranks(0, 1, 40)), topology);
    CHECK_THAT(sent.beyond, WithinRel(4.0 * megabytes, 1e-12));
}

TEST_CASE("A hierarchical all_reduce sends 2(g-1) parts in each node and 2(N-1) parts across", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const sent =
        sent_by_all(named(CollectiveKind::all_reduce, Algorithm::hierarchical, ranks(0, 1, 32)), topology);
    CHECK_THAT(sent.inside, WithinRel(4.0 * 2.0 * 7.0 * megabytes, 1e-12)); // of the 4 nodes
    CHECK_THAT(sent.beyond, WithinRel(2.0 * 3.0 * megabytes, 1e-12));       // round 4 nodes, 1/8 per rank
}

TEST_CASE("A direct all_reduce sends a part to each peer and a sum back", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const sent =
        sent_by_all(named(CollectiveKind::all_reduce, Algorithm::direct, ranks(0, 1, 32)), topology);
    CHECK_THAT(sent.inside, WithinRel(32.0 * 2.0 * 7.0 * megabytes / 32.0, 1e-12));
    CHECK_THAT(sent.beyond, WithinRel(32.0 * 2.0 * 24.0 * megabytes / 32.0, 1e-12));
}

TEST_CASE("A hierarchical all_to_all gathers in the node what goes to one place of the others", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const all = ranks(0, 1, 32);
    auto const direct = sent_by_all(named(CollectiveKind::all_to_all, Algorithm::direct, all), topology);
    auto const by_place =
        sent_by_all(named(CollectiveKind::all_to_all, Algorithm::hierarchical, all), topology);
    CHECK_THAT(by_place.beyond, WithinRel(direct.beyond, 1e-12)); // as many bytes over the NICs
    CHECK_THAT(direct.inside, WithinRel(32.0 * megabytes * 7.0 / 32.0, 1e-12));
    CHECK_THAT(by_place.inside, WithinRel(32.0 * megabytes * 7.0 / 8.0, 1e-12)); // all but 1/8 changes place
    auto const flows = lower(named(CollectiveKind::all_to_all, Algorithm::hierarchical, all),
                             class_of("all", all), topology);
    for (auto const& flow : flows.flows) {
        CHECK(flow.weight == (flow.tier == Tier::node ? 7.0 : flow.tier == Tier::leaf ? 1.0 : 2.0));
    }
}

TEST_CASE("A named algorithm starts with its steps at the links' latencies", "[engine]") {
    // 2 ranks in each of 4 nodes; inside 1 us, a NIC 4 us; 2 us more across the spine, nodes_per_leaf 32: none
    auto const cluster = cluster_of({.nodes = 4, .chips = 2, .nics = 2});
    auto const startup = [&](Algorithm algorithm, CollectiveKind kind) {
        return timing::startup_of(algorithm, Protocol::ll, kind, {8, 4}, cluster.node).value() * 1e6;
    };
    using enum CollectiveKind;
    CHECK_THAT(startup(Algorithm::ring, all_reduce), WithinRel(6.6 + 2 * (4 * 1.0 + 3 * 4.0), 1e-12));
    CHECK_THAT(startup(Algorithm::direct, all_reduce), WithinRel(6.6 + 2 * 4.0, 1e-12));
    CHECK_THAT(startup(Algorithm::hierarchical, all_reduce), WithinRel(6.6 + 2 * (1.0 + 3 * 4.0), 1e-12));
    CHECK_THAT(startup(Algorithm::hierarchical, all_gather), WithinRel(6.6 + 1.0 + 3 * 4.0, 1e-12));
    CHECK_THAT(startup(Algorithm::tree, all_reduce),
               WithinRel(6.8 + 2 * (1.0 + 2 * 4.0 * 5.0 / 2.7), 1e-12)); // 2 levels over 4 nodes
    CHECK_THAT(startup(Algorithm::hierarchical, all_to_all), WithinRel(6.6 + 1.0 + 4.0, 1e-12));
}

TEST_CASE("Steps with a fence take longer than those with flags, round several nodes by 1.4 more",
          "[engine]") {
    auto const cluster = cluster_of({.nodes = 4, .chips = 2, .nics = 2});
    auto const startup = [&](Protocol protocol, timing::GroupShape group) {
        return timing::startup_of(Algorithm::ring, protocol, CollectiveKind::all_reduce, group, cluster.node)
                   .value() *
               1e6;
    };
    CHECK_THAT(startup(Protocol::ll128, {8, 4}), WithinRel(14.0 + 2 * (4 * 2.3 + 3 * 5.3), 1e-12));
    CHECK_THAT(startup(Protocol::simple, {8, 4}), WithinRel(1.4 * (8.4 + 2 * (4 * 3.8 + 3 * 15.3)), 1e-12));
    CHECK_THAT(startup(Protocol::simple, {2, 1}), WithinRel(8.4 + 2 * 3.8, 1e-12));
    // with a rank of each node nothing hides the steps over the network
    CHECK_THAT(startup(Protocol::ll, {4, 4}), WithinRel(6.6 + 2 * 3 * 4.0 * 5.0 / 2.7, 1e-12));
}

TEST_CASE("Small messages go by the protocol that starts sooner, large ones by that which is faster",
          "[engine]") {
    auto const cluster = cluster_of({.nodes = 1, .chips = 8});
    auto const carried_out = [&](double bytes) {
        return timing::carried_out_by(Algorithm::ring, CollectiveKind::all_reduce, {8, 1}, cluster.node,
                                      {Bytes{bytes},
                                       Bytes{bytes * 1.75},
                                       {Seconds{}, BytesPerSecond{350e9}, timing::Evidence::measured},
                                       {}});
    };
    auto const small = carried_out(1e3), large = carried_out(1e9);
    CHECK_THAT(small.startup.value() * 1e6, WithinRel(6.6 + 14.0, 1e-12));
    CHECK_THAT(small.attainable.value(), WithinRel(0.5 * 350e9, 1e-12));
    CHECK_THAT(large.startup.value() * 1e6, WithinRel(8.4 + 14 * 3.8, 1e-12));
    CHECK_THAT(large.attainable.value(), WithinRel(350e9, 1e-12));
    CHECK(large.evidence == timing::Evidence::transferred);
}

TEST_CASE("A named algorithm starts no sooner than the library was measured to", "[engine]") {
    auto const cluster = cluster_of({.nodes = 1, .chips = 8});
    timing::CollectiveCost const measured{Seconds{100e-6}, BytesPerSecond{1e9}, timing::Evidence::measured,
                                          0.0};
    auto const cost = timing::carried_out_by(Algorithm::tree, CollectiveKind::all_reduce, {8, 1},
                                             cluster.node, {Bytes{8.0}, Bytes{14.0}, measured, measured});
    CHECK(cost.startup == measured.startup);
}

TEST_CASE("A tree attains less of its rate until messages fill it", "[engine]") {
    auto const share = [](double mib) {
        return timing::share_of(Algorithm::tree, Protocol::simple, {64, 8}, Bytes{mib * 1048576.0});
    };
    CHECK_THAT(share(1.0), WithinRel(0.5 * 0.92, 1e-12));
    CHECK_THAT(share(16.0), WithinRel(0.7 * 0.92, 1e-12));
    CHECK_THAT(share(1024.0), WithinRel(0.92, 1e-12));
    CHECK(timing::share_of(Algorithm::ring, Protocol::simple, {64, 8}, Bytes{1048576.0}) == 1.0);
    CHECK(timing::share_of(Algorithm::tree, Protocol::ll, {64, 8}, Bytes{1.0}) > 0.0);
}

TEST_CASE("Curves of an all_to_all are those of the direct one, of a half ring those of a ring", "[engine]") {
    using enum CollectiveKind;
    CHECK(timing::is_measured(Algorithm::direct, all_to_all));
    CHECK(timing::is_measured(Algorithm::ring, all_gather));
    CHECK(timing::is_measured(Algorithm::ring, reduce_scatter));
    CHECK_FALSE(timing::is_measured(Algorithm::hierarchical, all_to_all));
    CHECK_FALSE(timing::is_measured(Algorithm::ring, all_reduce)); // the switch may sum (NVLS)
    CHECK(timing::rate_like(Algorithm::ring, all_reduce) == all_gather);
    CHECK(timing::rate_like(Algorithm::direct, all_reduce) == all_to_all);
}

TEST_CASE("Over many nodes a tree sums small messages sooner than a ring", "[engine]") {
    auto const step = [](Algorithm algorithm) {
        auto const topology = topology_of({.nodes = 64, .nodes_per_leaf = 8});
        parallel::Program program;
        auto all = class_of("all", ranks(0, 1, 512));
        auto op = collective(parallel::Stream::data, CollectiveKind::all_reduce, 64e3, all.members);
        std::get<Collective>(op.work).algorithm = algorithm;
        all.blocks = {{"sum", parallel::Phase::step_end, {op}}};
        all.schedule = {{0, 0, {}, {}}};
        program.classes = {all};
        program.chips = 512;
        return simulate(program, topology, test::no_tables(), {}).step.value();
    };
    auto const tree = apart([&] { return step(Algorithm::tree); }).result;
    auto const ring = apart([&] { return step(Algorithm::ring); }).result;
    CHECK(tree < 0.5 * ring);
}
