#include "apart.hpp"
#include "engine/compiled.hpp"
#include "engine/simulate.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;

namespace {

/// Two classes; the first one sends to all of the second one's group, and gets an answer as large in all.
parallel::Program there_and_back(parallel::RankSet from, parallel::RankSet to, double bytes, int groups) {
    parallel::Program program;
    program.chips = from.count + to.count;
    auto a = class_of("a", from), b = class_of("b", to);
    program.messages = {
        {ClassId{0}, ClassId{1}, Bytes{bytes}, from.first, to.first, groups, parallel::Stream::expert},
        {ClassId{1}, ClassId{0},
         Bytes{bytes * static_cast<double>(from.count) / static_cast<double>(to.count)}, to.first, from.first,
         groups, parallel::Stream::expert}};
    a.blocks = {{"work", parallel::Phase::forward, {kernel(1e-3, "a")}}};
    b.blocks = a.blocks;
    a.schedule = {{0, 0, {}, {0}}, {0, 0, {1}, {}}};
    b.schedule = {{0, 0, {0}, {1}}};
    program.classes = {a, b};
    return program;
}

/// Bytes on every link, both directions, of one run of all messages.
std::map<LinkId, double> bytes_on_links(parallel::Program const& program, hardware::Topology const& topology,
                                        Fold how) {
    auto const timings = test::no_tables();
    TrafficCache traffic{program, topology};
    auto const folding = fold({program, topology, traffic}, how, {});
    Transfers transfers{{program, folding, topology, timings, traffic}};
    auto const compiled = compile(program, folding, topology, transfers);
    EventLoop loop{Sharing::none};
    transfers.install(loop);
    auto const of_transfer = transfers.link_bytes();
    std::map<LinkId, double> out;
    for (auto const& route : compiled.routes) {
        for (auto const& deliveries : route.from) {
            for (auto const& delivery : deliveries) {
                for (auto const& link : of_transfer[static_cast<std::size_t>(delivery.transfer)]) {
                    out[link.link] += link.bytes.value();
                }
            }
        }
    }
    return out;
}

} // namespace

TEST_CASE("a message to a group puts every byte once on the way out and in, whatever the numbers",
          "[engine][groups]") {
    struct Case {
        std::int64_t from, to;
        int groups;
    };
    for (auto const [from, to, groups] : {Case{8, 8, 1}, Case{8, 4, 1}, Case{4, 12, 1}, Case{8, 4, 4}}) {
        INFO(from << " to " << to << " in " << groups);
        auto const topology =
            hardware::Topology{{{cluster_of({.nodes = 2}), 16}, {cluster_of({.nodes = 2}), 16}},
                               {{0, 1, BytesPerSecond{1e12}, Seconds{1e-5}}}};
        auto const program = there_and_back(ranks(0, 1, from), ranks(16, 1, to), 1e6, groups);
        for (auto const how : {Fold::automatic, Fold::none}) {
            double site = 0;
            for (auto const& [link, bytes] : bytes_on_links(program, topology, how)) {
                auto const& properties = topology.link(link);
                site += properties.bandwidth.value() == 1e12 ? bytes : 0.0;
            }
            // out of one pool and into the other, there and back
            CHECK_THAT(site, WithinRel(4.0 * 1e6 * static_cast<double>(from), 1e-9));
        }
    }
}

TEST_CASE("a message to a group inside one cluster: folded and unfolded steps agree", "[engine][groups]") {
    auto const topology = topology_of({.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 2.0});
    for (int const groups : {1, 2}) {
        // senders in two nodes and in half a node; receivers in one node and in the other half
        for (auto const& [from, to] :
             {std::pair{ranks(0, 1, 16), ranks(16, 1, 8)}, {ranks(0, 1, 4), ranks(4, 1, 12)}}) {
            INFO(groups << " groups, " << from.count << " to " << to.count);
            auto const program = there_and_back(from, to, 8e6, groups);
            auto const step = [&](Fold how) {
                return apart([&] {
                           return simulate(program, topology, test::no_tables(), {.fold = how}).step.value();
                       })
                    .result;
            };
            CHECK_THAT(step(Fold::automatic), WithinRel(step(Fold::none), 1e-3));
        }
    }
}

TEST_CASE("a rank's part for itself stays, and what goes to a node's peers stays in the node",
          "[engine][groups]") {
    auto const topology = topology_of({.nodes = 2});
    parallel::Program program;
    program.chips = 16;
    auto all = class_of("all", ranks(0, 1, 16));
    program.messages = {
        {ClassId{0}, ClassId{0}, Bytes{16e6}, ChipIndex{0}, ChipIndex{0}, 1, parallel::Stream::expert}};
    all.blocks = {{"work", parallel::Phase::forward, {kernel(1e-3, "a")}}};
    all.schedule = {{0, 0, {}, {0}}, {0, 0, {0}, {}}};
    program.classes = {all};
    auto const links = bytes_on_links(program, topology, Fold::none);
    // 16 ranks send 1 MB to each of 7 peers over the scale-up link and to each of 8 over their NIC
    double scale_up = 0, nic = 0;
    for (auto const& [link, bytes] : links) {
        auto const bandwidth = topology.link(link).bandwidth.value();
        scale_up += bandwidth == 400e9 && topology.chips_behind(link).size() == 1 ? bytes : 0.0;
        nic += bandwidth == 50e9 ? bytes : 0.0;
    }
    CHECK_THAT(scale_up, WithinRel(2.0 * 16 * 7e6, 1e-9));
    CHECK_THAT(nic, WithinRel(2.0 * 16 * 8e6, 1e-9));
}
