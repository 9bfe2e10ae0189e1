#include "engine_cluster.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using hardware::Tier;
using parallel::Collective;
using timing::CollectiveKind;

namespace {

double bytes_on(ClassFlows const& lowered, Tier tier) {
    double sum = 0.0;
    for (auto const& flow : lowered.flows) {
        sum += flow.tier == tier ? flow.bytes.value() : 0.0;
    }
    return sum;
}

ClassFlow const& flow_on(ClassFlows const& lowered, Tier tier) {
    for (auto const& flow : lowered.flows) {
        if (flow.tier == tier) {
            return flow;
        }
    }
    throw BugError{"no flow on this tier"};
}

double times_of(ClassFlow const& flow, hardware::Topology const& topology, std::string const& part) {
    for (auto const& use : flow.uses) {
        if (topology.link(use.link).name.find(part) != std::string::npos) {
            return use.times;
        }
    }
    return 0.0;
}

} // namespace

TEST_CASE("all_to_all sends bytes/n to each peer, by tier", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const members = ranks(0, 1, 32);
    Collective const a2a{CollectiveKind::all_to_all, Bytes{320e6}, members, "dispatch", -1};
    auto const lowered = lower(a2a, class_of("all", members), topology);
    // 10 MB per peer: 7 in the node, 8 in the other node of the leaf, 16 across the spine
    CHECK_THAT(bytes_on(lowered, Tier::node), WithinRel(70e6, 1e-12));
    CHECK_THAT(bytes_on(lowered, Tier::leaf), WithinRel(80e6, 1e-12));
    CHECK_THAT(bytes_on(lowered, Tier::spine), WithinRel(160e6, 1e-12));
    CHECK(flow_on(lowered, Tier::node).weight == 7.0);
    CHECK(flow_on(lowered, Tier::leaf).weight == 8.0);
    CHECK(flow_on(lowered, Tier::spine).weight == 16.0);
    CHECK(lowered.rank == ChipIndex{0});
}

TEST_CASE("Tokens that go once to each node carry what counting tokens gives", "[engine]") {
    // 4 nodes of 8 ranks, one expert each, top 2: every token is routed and its copies counted
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const members = ranks(0, 1, 32);
    Collective a2a{CollectiveKind::all_to_all, Bytes{320e6}, members, "dispatch", -1};
    a2a.once_per_node = model::TokenSpread{.experts = 32, .topk = 2};
    auto const lowered = lower(a2a, class_of("all", members), topology);
    PerTier sent{}; // by rank 0, which is as good as any: copies of a token, pairs of experts equally likely
    double pairs = 0.0;
    for (int a = 0; a < 32; ++a) {
        for (int b = 0; b < a; ++b) {
            ++pairs;
            for (int node = 1; node < 4; ++node) {
                auto const tier = static_cast<std::size_t>(node == 1 ? Tier::leaf : Tier::spine);
                sent[tier] += a / 8 == node || b / 8 == node ? 1.0 : 0.0;
            }
            // landed at the sender's place in the node, passed on to the expert's rank unless it is there
            sent[static_cast<std::size_t>(Tier::node)] += (a % 8 != 0 ? 1.0 : 0.0) + (b % 8 != 0 ? 1.0 : 0.0);
        }
    }
    for (auto const tier : {Tier::node, Tier::leaf, Tier::spine}) { // 160 MB of tokens, 2 copies each
        CHECK_THAT(bytes_on(lowered, tier),
                   WithinRel(160e6 * sent[static_cast<std::size_t>(tier)] / pairs, 1e-12));
    }
    // of each rank of the 16 of a leaf, to the two other places
    CHECK_THAT(times_of(flow_on(lowered, Tier::spine), topology, "uplink.out"), WithinRel(16.0, 1e-12));
    CHECK(flow_on(lowered, Tier::spine).weight == 2.0);
}

TEST_CASE("DeepSeek-V3's tokens cross the NIC to 3.5 of 7 other nodes instead of 7 times", "[engine]") {
    auto const topology = topology_of({.nodes = 8});
    auto const members = ranks(0, 1, 64);
    // 4096 tokens of 7168 bytes, 8 copies
    Collective a2a{CollectiveKind::all_to_all, Bytes{8.0 * 4096 * 7168}, members, "dispatch", -1};
    CHECK_THAT(bytes_on(lower(a2a, class_of("all", members), topology), Tier::leaf),
               WithinRel(4096.0 * 7168 * 7, 1e-12)); // 8 copies x 56/64
    a2a.once_per_node = model::TokenSpread{.experts = 256, .topk = 8, .groups = 8, .groups_per_token = 4};
    CHECK_THAT(
        bytes_on(lower(a2a, class_of("all", members), topology), Tier::leaf),
        WithinRel(4096.0 * 7168 * 4 * 7 / 8, 1e-12)); // 4 nodes, one of which is its own in 1 of 8 cases
}

TEST_CASE("The uplink of a leaf counts once for every rank of the class behind it", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 2.0});
    auto const members = ranks(0, 1, 32);
    Collective const a2a{CollectiveKind::all_to_all, Bytes{320e6}, members, "dispatch", -1};
    auto const lowered = lower(a2a, class_of("all", members), topology);
    auto const& spine = flow_on(lowered, Tier::spine);
    CHECK(times_of(spine, topology, "uplink.out") == 16.0); // two nodes of 8 chips
    CHECK(times_of(spine, topology, "uplink.in") == 16.0);
    CHECK(times_of(spine, topology, "nic") == 1.0);
    CHECK(times_of(flow_on(lowered, Tier::leaf), topology, "uplink") == 0.0);
}

TEST_CASE("Chips that share a NIC load it together", "[engine]") {
    auto const topology = topology_of({.nodes = 2, .chips = 8, .nics = 4});
    auto const members = ranks(0, 1, 16);
    Collective const a2a{CollectiveKind::all_to_all, Bytes{16e6}, members, "dispatch", -1};
    auto const lowered = lower(a2a, class_of("all", members), topology);
    CHECK(times_of(flow_on(lowered, Tier::leaf), topology, "nic0.out") == 2.0);
}

TEST_CASE("A ring all_reduce sends 2(n-1)/n of the bytes, of which 1/g cross the NIC", "[engine]") {
    auto const topology = topology_of({.nodes = 4});
    auto const members = ranks(0, 1, 32);
    Collective const sum{CollectiveKind::all_reduce, Bytes{64e6}, members, "gradients", -1};
    auto const lowered = lower(sum, class_of("all", members), topology);
    // 2 x 31/32 x 64 MB = 124 MB per rank; g = 8: 7/8 inside the node, 1/8 over the NIC
    CHECK_THAT(bytes_on(lowered, Tier::node), WithinRel(124e6 * 7 / 8, 1e-12));
    CHECK_THAT(bytes_on(lowered, Tier::leaf), WithinRel(124e6 / 8, 1e-12));
    CHECK(flow_on(lowered, Tier::leaf).weight == 1.0);
    CHECK(times_of(flow_on(lowered, Tier::leaf), topology, "nic0.out") == 1.0);
    // all_gather and reduce_scatter: half of it
    for (auto const kind : {CollectiveKind::all_gather, CollectiveKind::reduce_scatter}) {
        Collective const half{kind, Bytes{64e6}, members, "parameters", -1};
        CHECK_THAT(bytes_on(lower(half, class_of("all", members), topology), Tier::leaf),
                   WithinRel(62e6 / 8, 1e-12));
    }
    // broadcast, pipelined: the message itself
    Collective const broadcast{CollectiveKind::broadcast, Bytes{64e6}, members, "weights", -1};
    CHECK_THAT(bytes_on(lower(broadcast, class_of("all", members), topology), Tier::leaf),
               WithinRel(8e6, 1e-12));
}

TEST_CASE("A ring with one rank per node crosses the NIC with all its bytes", "[engine]") {
    auto const topology = topology_of({.nodes = 4});
    Collective const sum{CollectiveKind::all_reduce, Bytes{64e6}, ranks(0, 8, 4), "gradients", -1};
    auto const lowered = lower(sum, class_of("all", ranks(0, 1, 32)), topology);
    CHECK(lowered.nodes == 4);
    REQUIRE(lowered.flows.size() == 1);
    CHECK_THAT(bytes_on(lowered, Tier::leaf), WithinRel(2.0 * 3 / 4 * 64e6, 1e-12));
    CHECK(times_of(lowered.flows[0], topology, "nic0.out") ==
          1.0); // each of the 8 groups has a NIC of its own
}

TEST_CASE("Of a ring over two leaves only the boundary crosses the uplink", "[engine]") {
    // 4 nodes in 2 leaves, 8 channels: each leaf passes each of 8 channels on once, not once per chip
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    auto const members = ranks(0, 1, 32);
    Collective const sum{CollectiveKind::all_reduce, Bytes{64e6}, members, "gradients", -1};
    auto const lowered = lower(sum, class_of("all", members), topology);
    CHECK(lowered.rank == ChipIndex{0});
    auto const& far = flow_on(lowered, Tier::spine);
    CHECK_THAT(far.bytes.value(), WithinRel(124e6 / 8, 1e-12));
    CHECK(times_of(far, topology, "uplink.out") == 8.0);
    // the ring crosses the spine twice per turn, and all_reduce turns twice: 4 x 2 us beyond the leaf's
    CHECK_THAT(far.far_latency.value(), WithinRel(8e-6, 1e-9));
}

TEST_CASE("Ranks in a full mesh use their links to all peers side by side", "[engine]") {
    auto const topology = topology_of({.nodes = 1, .scale_up = hardware::ScaleUpKind::full_mesh});
    auto const members = ranks(0, 1, 8);
    for (auto const kind : {CollectiveKind::all_to_all, CollectiveKind::all_reduce}) {
        Collective const work{kind, Bytes{80e6}, members, "test", -1};
        auto const lowered = lower(work, class_of("all", members), topology);
        REQUIRE(lowered.flows.size() == 1);
        CHECK(lowered.flows[0].uses.empty());
        CHECK(lowered.flows[0].parallel.size() == 7);
        // 400 GB/s over 7 links
        CHECK_THAT(lowered.flows[0].parallel_bandwidth.value(), WithinRel(400e9, 1e-12));
    }
}

TEST_CASE("A group that lies unevenly over leaves is lowered for the rank with most far peers", "[engine]") {
    // 3 nodes, 2 in the first leaf: chips 16..23 have 16 far peers, the others 8
    auto const topology = topology_of({.nodes = 3, .nodes_per_leaf = 2});
    auto const members = ranks(0, 1, 24);
    Collective const a2a{CollectiveKind::all_to_all, Bytes{24e6}, members, "dispatch", -1};
    auto const lowered = lower(a2a, class_of("all", members), topology);
    CHECK(lowered.rank == ChipIndex{16});
    CHECK_THAT(bytes_on(lowered, Tier::spine), WithinRel(16e6, 1e-12));
    CHECK(times_of(flow_on(lowered, Tier::spine), topology, "uplink.out") == 8.0);
}

TEST_CASE("A message loads the links with every rank of the class that sends", "[engine]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2});
    std::vector<ChipIndex> from;
    std::vector<ChipIndex> to;
    for (int i = 0; i < 16; ++i) {
        from.emplace_back(i);
        to.emplace_back(16 + i);
    }
    auto const flow = lower(Bytes{1e6}, {{from.front(), from}, {to.front(), to}, 1.0}, topology);
    CHECK(flow.tier == Tier::spine);
    CHECK(times_of(flow, topology, "nic0.out") == 1.0);
    CHECK(times_of(flow, topology, "uplink.out") == 16.0);
    CHECK(times_of(flow, topology, "uplink.in") == 16.0);
}

TEST_CASE("group_of finds the other groups of a layout", "[engine]") {
    auto const members = ranks(64, 1, 64);
    // data groups: stride 8, 8 of them; rank 64 + 13 = lane 5
    CHECK(group_of(ChipIndex{77}, ranks(64, 8, 8), members) == ranks(69, 8, 8));
    // expert groups: 2 of 32 ranks
    CHECK(group_of(ChipIndex{100}, ranks(64, 1, 32), members) == ranks(96, 1, 32));
    // the given group need not be the first one
    CHECK(group_of(ChipIndex{66}, ranks(67, 4, 8), members) == ranks(66, 4, 8));
    // partner in a class before: stride -64
    CHECK(group_of(ChipIndex{70}, ranks(64, -64, 2), members) == ranks(6, 64, 2));
}
