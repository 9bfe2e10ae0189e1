#include "engine/event_loop.hpp"
#include "engine/transfers.hpp"
#include "engine_cluster.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <utility>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using parallel::Collective;
using timing::CollectiveKind;

namespace {

constexpr double latency = 5e-6;
constexpr double cap = 1e12; // above every link

/// Time of an all-to-all twice, one after the other: every pair its own flow; the flows of one rank.
struct Both {
    double full = 0.0;
    double representative = 0.0;
};

class TwoLevels {
  public:
    TwoLevels(hardware::Topology const& topology, int ranks, double bytes) : topology_{topology} {
        auto const members = test::ranks(0, 1, ranks);
        Collective const a2a{CollectiveKind::all_to_all, Bytes{bytes}, members, "dispatch", -1};
        for (int from = 0; from < ranks; ++from) {
            for (int to = 0; to < ranks; ++to) {
                if (from != to) {
                    full_.push_back(pair_flow(from, to, bytes / ranks));
                }
            }
        }
        auto const flows = lower(a2a, class_of("all", members), topology).flows;
        auto const units = units_of(flows);
        for (auto const& flow : flows) {
            FlowSpec spec{{}, flow.bytes.value(), flow.weight, latency, cap};
            for (auto const& use : flow.uses) {
                auto const unit = units.at(use.link);
                spec.uses.push_back(
                    {resource(use.link, unit), static_cast<int>(std::lround(use.times / unit))});
            }
            if (!flow.parallel.empty()) {
                spec.uses.push_back({loop_.add_resource("mesh", flow.parallel_bandwidth.value()), 1});
            }
            representative_.push_back(loop_.add_flow(spec));
        }
    }

    Both run() {
        Both both;
        auto const start = [&](std::vector<int> const& flows) {
            left_ = static_cast<int>(flows.size());
            began_ = loop_.now();
            for (auto const flow : flows) {
                loop_.start_flow(flow, 0);
            }
        };
        loop_.run([&] { start(full_); },
                  [&](EventLoop::Token) {
                      if (--left_ > 0) {
                          return;
                      }
                      (both.full == 0.0 ? both.full : both.representative) = loop_.now() - began_;
                      if (both.representative == 0.0) {
                          start(representative_);
                      }
                  });
        return both;
    }

  private:
    /// `times` that count as one use of each link.
    static std::map<LinkId, double> units_of(std::vector<ClassFlow> const& flows) {
        std::map<LinkId, std::vector<double>> times;
        for (auto const& flow : flows) {
            for (auto const& use : flow.uses) {
                times[use.link].push_back(use.times);
            }
        }
        std::map<LinkId, double> out;
        for (auto const& [link, all] : times) {
            out[link] = common_unit(all);
        }
        return out;
    }
    int resource(LinkId link, double unit = 1.0) {
        auto const [at, is_new] = resources_.try_emplace({link, unit}, 0);
        if (is_new) {
            at->second = loop_.add_resource("link", topology_.link(link).bandwidth.value() / unit);
        }
        return at->second;
    }
    int pair_flow(int from, int to, double bytes) {
        FlowSpec spec{{}, bytes, 1.0, latency, cap};
        for (auto const link : topology_.route(ChipIndex{from}, ChipIndex{to})) {
            spec.uses.push_back({resource(link), 1});
        }
        return loop_.add_flow(spec);
    }

    hardware::Topology const& topology_;
    EventLoop loop_{Sharing::simulated};
    std::map<std::pair<LinkId, double>, int> resources_;
    std::vector<int> full_;
    std::vector<int> representative_;
    int left_ = 0;
    double began_ = 0.0;
};

void check_levels(hardware::Topology const& topology, double bytes_per_pair) {
    auto const ranks = topology.chips();
    auto const both = TwoLevels{topology, ranks, bytes_per_pair * ranks}.run();
    CHECK(both.full > latency);
    CHECK_THAT(both.representative, WithinRel(both.full, 1e-9));
}

void check_levels(Shape const& shape, double bytes_per_pair) {
    check_levels(topology_of(shape), bytes_per_pair);
}

hardware::Fact<BytesPerSecond> gb_per_s(double value) { return {.value = BytesPerSecond{value * 1e9}}; }

} // namespace

TEST_CASE(
    "One rank's flows take as long as all pairs: 32 chips of a 4 x 4 torus, links as fast as half a NIC",
    "[engine]") {
    auto cluster = cluster_of({.nodes = 16, .chips = 2, .nics = 2});
    cluster.fabric = {.kind = hardware::FabricKind::torus, .nodes_per_leaf = 1};
    cluster.fabric.torus = hardware::Torus{.shape = {4, 4}, .link = gb_per_s(25.0)};
    check_levels(hardware::Topology{{{cluster, 32}}, {}}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips of a 2 x 2 x 4 torus", "[engine]") {
    auto cluster = cluster_of({.nodes = 16, .chips = 2, .nics = 1});
    cluster.fabric = {.kind = hardware::FabricKind::torus, .nodes_per_leaf = 1};
    cluster.fabric.torus = hardware::Torus{.shape = {2, 2, 4}, .link = gb_per_s(25.0)};
    check_levels(hardware::Topology{{{cluster, 32}}, {}}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips, 2 groups of a dragonfly", "[engine]") {
    auto cluster = cluster_of({.nodes = 8, .chips = 4, .nics = 4});
    cluster.fabric = {.kind = hardware::FabricKind::dragonfly, .nodes_per_leaf = 2};
    cluster.fabric.groups =
        hardware::LeafGroups{.leaves = 2, .local_link = gb_per_s(200.0), .global_links = gb_per_s(150.0)};
    check_levels(hardware::Topology{{{cluster, 32}}, {}}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips, 2 pods of 2 leaves, 3:1 between pods",
          "[engine]") {
    auto cluster =
        cluster_of({.nodes = 8, .chips = 4, .nics = 4, .nodes_per_leaf = 2, .oversubscription = 1.5});
    cluster.fabric.groups = hardware::LeafGroups{.leaves = 2, .oversubscription = 2.0};
    check_levels(hardware::Topology{{{cluster, 32}}, {}}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 8 chips of a node", "[engine]") {
    check_levels({.nodes = 1}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 8 chips of a full mesh", "[engine]") {
    check_levels({.nodes = 1, .scale_up = hardware::ScaleUpKind::full_mesh}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 16 chips under one leaf", "[engine]") {
    check_levels({.nodes = 2}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips, 2 leaves, 2:1", "[engine]") {
    check_levels({.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 2.0}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips, 4 leaves, 4:1, shared NICs", "[engine]") {
    check_levels({.nodes = 4, .nics = 4, .nodes_per_leaf = 1, .oversubscription = 4.0}, 100e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 64 chips, 4 leaves, 2:1", "[engine]") {
    check_levels({.nodes = 8, .nodes_per_leaf = 2, .oversubscription = 2.0}, 10e6);
}
TEST_CASE("One rank's flows take as long as all pairs: 32 chips, rails, 2:1", "[engine]") {
    check_levels({.nodes = 4,
                  .nodes_per_leaf = 2,
                  .oversubscription = 2.0,
                  .fabric = hardware::FabricKind::rail_fat_tree},
                 100e6);
}

TEST_CASE("Flows that start in the same instant heed every link of each", "[engine]") {
    // Near and far share a NIC of 50 GB/s; far counts 16 times on a trunk of 400 GB/s, so gets 25 of it and near
    // the other 25. Far: 1.6 GB / 25 GB/s = 64 ms, near: 32 ms. (SimGrid 3.32 forgets the trunk where the NIC is
    // the first link of both: 48 ms.)
    EventLoop loop{Sharing::simulated};
    auto const nic = loop.add_resource("nic", 50e9);
    auto const trunk = loop.add_resource("trunk", 400e9);
    auto const near = loop.add_flow({{{nic, 1}}, 0.8e9, 8.0, latency, cap});
    auto const far = loop.add_flow({{{nic, 1}, {trunk, 16}}, 1.6e9, 16.0, latency, cap});
    std::map<EventLoop::Token, double> ends;
    loop.run(
        [&] {
            loop.start_flow(near, 1);
            loop.start_flow(far, 2);
        },
        [&](EventLoop::Token token) { ends[token] = loop.now(); });
    CHECK_THAT(ends[1], WithinRel(32e-3 + latency, 1e-9));
    CHECK_THAT(ends[2], WithinRel(64e-3 + latency, 1e-9));
}

TEST_CASE("A flow that is joined half way shares what is left of it", "[engine]") {
    // 1 GB at 1 GB/s; after 0.5 s another 1 GB joins: both at 0.5 GB/s, the first ends at 1.5 s, the other, then
    // alone, at 2 s. Each waits 5 us for its first byte.
    EventLoop loop{Sharing::simulated};
    auto const nic = loop.add_resource("nic", 1e9);
    auto const first = loop.add_flow({{{nic, 1}}, 1e9, 1.0, latency, cap});
    auto const second = loop.add_flow({{{nic, 1}}, 1e9, 1.0, latency, cap});
    constexpr EventLoop::Token half_way = 3;
    std::map<EventLoop::Token, double> ends;
    loop.run(
        [&] {
            loop.start_flow(first, 1);
            loop.start_timer(0.5, half_way);
        },
        [&](EventLoop::Token token) {
            ends[token] = loop.now();
            if (token == half_way) {
                loop.start_flow(second, 2);
            }
        });
    CHECK_THAT(ends[1], WithinRel(1.5 + latency, 1e-8));
    CHECK_THAT(ends[2], WithinRel(2.0 + latency, 1e-8));
    CHECK(loop.flows_shared() == 2);
}

TEST_CASE("Flows with room for all of them need no sharing", "[engine]") {
    EventLoop loop{Sharing::simulated};
    auto const nic = loop.add_resource("nic", 1e9);
    auto const first = loop.add_flow({{{nic, 1}}, 1e9, 1.0, latency, 0.6e9});
    auto const second = loop.add_flow({{{nic, 2}}, 1e9, 1.0, latency, 0.2e9});
    std::map<EventLoop::Token, double> ends;
    loop.run(
        [&] {
            loop.start_flow(first, 1);
            loop.start_flow(second, 2); // 0.6 + 2 x 0.2 = 1 GB/s
        },
        [&](EventLoop::Token token) { ends[token] = loop.now(); });
    CHECK_THAT(ends[1], WithinRel(1.0 / 0.6 + latency, 1e-12));
    CHECK_THAT(ends[2], WithinRel(5.0 + latency, 1e-12));
    CHECK(loop.flows_started() == 2);
    CHECK(loop.flows_shared() == 0);
}

TEST_CASE("A bandwidth that changes half way is felt by the flow under way", "[engine]") {
    EventLoop loop{Sharing::simulated};
    auto const nic = loop.add_resource("nic", 1e9);
    auto const flow = loop.add_flow({{{nic, 1}}, 1e9, 1.0, latency, cap});
    loop.change_bandwidth(0.5, nic, 0.25e9); // 0.5 GB left: 2 s more
    double end = 0.0;
    loop.run([&] { loop.start_flow(flow, 1); }, [&](EventLoop::Token) { end = loop.now(); });
    CHECK_THAT(end, WithinRel(2.5 + 4 * latency, 1e-8));
}
