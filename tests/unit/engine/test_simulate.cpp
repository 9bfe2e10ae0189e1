#include "engine/simulate.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using hardware::Tier;
using parallel::Stream;
using timing::CollectiveKind;

namespace {

parallel::Block block(std::string name, std::vector<parallel::BlockOp> ops) {
    return {std::move(name), parallel::Phase::forward, std::move(ops)};
}

/// Path and classes add up to the step.
void check_sums(Timeline const& timeline) {
    auto const step = timeline.step.value();
    auto const sum = [](auto const& parts) {
        return std::accumulate(parts.begin(), parts.end(), 0.0,
                               [](double total, auto const& part) { return total + part.time.value(); });
    };
    CHECK_THAT(sum(timeline.path), WithinRel(step, 1e-9));
    CHECK_THAT(sum(timeline.path_keys), WithinRel(step, 1e-9));
    double evidence = 0.0;
    for (auto const part : timeline.path_by_evidence) {
        evidence += part.value();
    }
    CHECK_THAT(evidence, WithinRel(step, 1e-9));
    for (auto const& time : timeline.classes) {
        double total = time.compute.value() + time.bubble.value();
        for (auto const part : time.exposed) {
            total += part.value();
        }
        CHECK_THAT(total, WithinRel(step, 1e-9));
    }
}

double share(Timeline const& timeline, std::string const& label) {
    for (auto const& part : timeline.path) {
        if (part.label == label) {
            return part.time.value();
        }
    }
    return 0.0;
}

/// Two stages on a node each, forward 1 ms, backward 2 ms, 3 micro-batches, in the order of 1F1B.
parallel::Program two_stages(double message_bytes) {
    parallel::Program program;
    program.classes = {class_of("stage 0", ranks(0, 1, 8)), class_of("stage 1", ranks(8, 1, 8))};
    for (auto& c : program.classes) {
        c.blocks = {block("forward", {kernel(0.4e-3, "qkv"), kernel(0.6e-3, "up", {0})}),
                    block("backward", {kernel(2e-3, "up")})};
    }
    for (int m = 0; m < 3; ++m) {
        program.messages.push_back(
            {ClassId{0}, ClassId{1}, Bytes{message_bytes}, ChipIndex{0}, ChipIndex{8}});
    }
    for (int m = 0; m < 3; ++m) {
        program.messages.push_back(
            {ClassId{1}, ClassId{0}, Bytes{message_bytes}, ChipIndex{8}, ChipIndex{0}});
    }
    // stage 0: F0 F1 B0 F2 B1 B2
    program.classes[0].schedule = {{0, 0, {}, {0}}, {0, 1, {}, {1}}, {1, 0, {3}, {}},
                                   {0, 2, {}, {2}}, {1, 1, {4}, {}}, {1, 2, {5}, {}}};
    // stage 1: F0 B0 F1 B1 F2 B2
    program.classes[1].schedule = {{0, 0, {0}, {}}, {1, 0, {}, {3}}, {0, 1, {1}, {}},
                                   {1, 1, {}, {4}}, {0, 2, {2}, {}}, {1, 2, {}, {5}}};
    return program;
}

} // namespace

TEST_CASE("1F1B over two stages runs as by hand", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto const timeline = simulate(two_stages(8e6), topology, timings, {.keep_events = true});
    // A message takes t. Stage 1 does F0 from 1 + t, B0, F1 and B1 without a gap until 7 + t. Stage 0 gets B0's
    // gradients at 4 + 2t, and after B0 and F2 sends at 7 + 2t: stage 1 does F2 and B2 from 7 + 3t to 10 + 3t,
    // stage 0 does B2 from 10 + 4t to 12 + 4t (ms).
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    CHECK_THAT(timeline.step.value(), WithinRel(12e-3 + 4 * t, 1e-9));
    check_sums(timeline);
    CHECK_THAT(share(timeline, "send_recv pipeline"), WithinRel(4 * t, 1e-9));
    // on the path: F0 and F2 of both stages: 4 x 0.4 ms
    CHECK_THAT(share(timeline, "gemm qkv"), WithinRel(1.6e-3, 1e-9));
    // stage 1 waits for messages twice for t; for kernels of stage 0 it waits 1 + t, and 2 + t at the end
    CHECK_THAT(timeline.classes[1].compute.value(), WithinRel(9e-3, 1e-9));
    CHECK_THAT(timeline.classes[1].exposed[int(Stream::pipeline)].value(), WithinRel(2 * t, 1e-9));
    CHECK_THAT(timeline.classes[1].bubble.value(), WithinRel(3e-3 + 2 * t, 1e-9));
    // forward blocks hold two kernels: (2 + 1) x 3 x 2 events and 6 messages
    CHECK(timeline.events.size() == 24);
    CHECK(timeline.activities == 18);
    // 3 messages of 8 MB each way over the NICs of either chip
    for (auto const& link : timeline.links) {
        INFO(link.name);
        CHECK(link.bytes.value() == 3 * 8e6 * static_cast<double>(link.chips));
        CHECK(link.stretches.size() == 3);
    }
}

TEST_CASE("A blocking message holds its sender up until it is through", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("sender", ranks(0, 1, 8)), class_of("receiver", ranks(8, 1, 8))};
    program.classes[0].blocks = {block("long", {kernel(1e-3, "up")})};
    program.classes[1].blocks = {block("short", {kernel(0.1e-3, "up")})};
    for (int m = 0; m < 3; ++m) {
        program.messages.push_back({ClassId{0}, ClassId{1}, Bytes{8e6}, ChipIndex{0}, ChipIndex{8}});
        program.classes[0].schedule.push_back({0, m, {}, {m}});
        program.classes[1].schedule.push_back({0, m, {m}, {}});
    }
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    REQUIRE(t < 1e-3);
    for (auto& message : program.messages) {
        message.blocking = true;
    }
    // three times a kernel and its message, then the last short kernel
    auto const timeline = simulate(program, topology, timings);
    CHECK_THAT(timeline.step.value(), WithinRel(3.1e-3 + 3 * t, 1e-9));
    check_sums(timeline);
    CHECK_THAT(share(timeline, "send_recv pipeline"), WithinRel(3 * t, 1e-9));
    // the sender's waiting is exposed communication, and a bubble only while it has nothing to do
    CHECK_THAT(timeline.classes[0].exposed[int(Stream::pipeline)].value(), WithinRel(3 * t, 1e-9));
    CHECK_THAT(timeline.classes[0].bubble.value(), WithinRel(0.1e-3, 1e-9));
}

TEST_CASE("A message behind kernels costs its sender nothing", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("sender", ranks(0, 1, 8)), class_of("receiver", ranks(8, 1, 8))};
    program.messages = {{ClassId{0}, ClassId{1}, Bytes{8e6}, ChipIndex{0}, ChipIndex{8}}};
    program.classes[0].blocks = {block("long", {kernel(1e-3, "up")})};
    program.classes[1].blocks = {block("short", {kernel(0.1e-3, "up")})};
    program.classes[0].schedule = {{0, 0, {}, {0}}, {0, 1, {}, {}}};
    program.classes[1].schedule = {{0, 0, {0}, {}}};
    auto const timeline = simulate(program, topology, timings);
    CHECK_THAT(timeline.step.value(), WithinRel(2e-3, 1e-9));
    CHECK(timeline.classes[0].exposed[int(Stream::pipeline)].value() == 0.0);
}

TEST_CASE("1F1B with blocking messages over two stages runs as by hand", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto program = two_stages(8e6);
    for (auto& message : program.messages) {
        message.blocking = true;
    }
    // Stage 0 does F0, waits t, does F1, waits t. Stage 1 does F0 and B0 from 1 + t to 4 + t, and F1 and B1 when B0's
    // gradients are through, to 7 + 2t. Stage 0 does B0 and F2 from 4 + 2t to 7 + 2t: both send until 7 + 3t, and go on as
    // without waiting, for each has to wait for the other's message anyway.
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    auto const timeline = simulate(program, topology, timings);
    CHECK_THAT(timeline.step.value(), WithinRel(12e-3 + 4 * t, 1e-9));
    check_sums(timeline);
    // stage 0: after F0, before B0, after F2 and before B2; stage 1: before F0, after B0, before F2, after B2
    CHECK_THAT(timeline.classes[0].exposed[int(Stream::pipeline)].value(), WithinRel(4 * t, 1e-9));
    CHECK_THAT(timeline.classes[1].exposed[int(Stream::pipeline)].value(), WithinRel(4 * t, 1e-9));
}

namespace {

/// Two ranks that work, send to each other and work on.
parallel::Program exchange(bool in_turn) {
    parallel::Program program;
    program.classes = {class_of("first", ranks(0, 1, 8)), class_of("second", ranks(8, 1, 8))};
    program.messages = {{ClassId{0}, ClassId{1}, Bytes{8e6}, ChipIndex{0}, ChipIndex{8}},
                        {ClassId{1}, ClassId{0}, Bytes{8e6}, ChipIndex{8}, ChipIndex{0}}};
    for (int c = 0; c < 2; ++c) {
        program.messages[c].in_turn = in_turn;
        program.classes[c].blocks = {block("work", {kernel(1e-3, "up")})};
        program.classes[c].schedule = {{0, 0, {}, {c}}, {0, 1, {1 - c}, {}}};
    }
    return program;
}

} // namespace

TEST_CASE("Two ranks send to each other at the same time", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    CHECK_THAT(simulate(exchange(false), topology, timings).step.value(), WithinRel(2e-3 + t, 1e-9));
}

TEST_CASE("Messages that take turns go one way at a time", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    auto const timeline = simulate(exchange(true), topology, timings);
    CHECK_THAT(timeline.step.value(), WithinRel(2e-3 + 2 * t, 1e-9));
    check_sums(timeline);
    // the first rank's message has gone when the second one's comes: it waits for both
    CHECK_THAT(timeline.classes[0].exposed[int(Stream::pipeline)].value(), WithinRel(2 * t, 1e-9));
    CHECK_THAT(timeline.classes[1].exposed[int(Stream::pipeline)].value(), WithinRel(t, 1e-9));
}

TEST_CASE("Two transfers on one NIC share it", "[engine]") {
    // one chip per node, NIC 1 GB/s: attainable is a share of the line rate, so that two at a time fill it
    Shape const shape{.nodes = 2, .chips = 1, .nics = 1, .nic_gb_per_s = 1.0};
    auto const topology = topology_of(shape);
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("both", ranks(0, 1, 2))};
    program.classes[0].blocks = {
        block("two", {collective(Stream::expert, CollectiveKind::send_recv, 1e9, ranks(0, 1, 2)),
                      collective(Stream::data, CollectiveKind::send_recv, 1.5e9, ranks(0, 1, 2))})};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    auto const node = cluster_of(shape).node;
    auto const first = timings.collective(node, CollectiveKind::send_recv, Tier::leaf, Bytes{1e9}, 2, 2);
    auto const second = timings.collective(node, CollectiveKind::send_recv, Tier::leaf, Bytes{1.5e9}, 2, 2);
    REQUIRE(first.attainable.value() > 0.5e9);
    REQUIRE(first.startup == second.startup);
    auto const timeline = simulate(program, topology, timings);
    // the chips stand for each other: what goes out of one and into it, through scale-up or NIC
    REQUIRE_FALSE(timeline.links.empty());
    for (auto const& link : timeline.links) {
        CHECK(link.bytes.value() == 2.5e9 * static_cast<double>(link.chips));
        CHECK(link.stretches.empty()); // kept with events only
    }
    // both at 0.5 GB/s for 2 s, then the 0.5 GB left of the second at the bandwidth it attains
    auto const end = first.startup.value() + 2.0 + 0.5e9 / second.attainable.value();
    CHECK_THAT(timeline.step.value(), WithinRel(end, 1e-9));
    check_sums(timeline);
}

TEST_CASE("Detached gradients run behind compute, and the step waits for them", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 16))};
    auto gradients = collective(Stream::data, CollectiveKind::reduce_scatter, 1e9, ranks(0, 8, 2), {0});
    gradients.detached = true;
    auto late = collective(Stream::data, CollectiveKind::all_gather, 1e9, ranks(0, 8, 2));
    program.classes[0].blocks = {block("backward", {kernel(1e-3, "down"), gradients}),
                                 block("step end", {late, kernel(1e-3, "update", {0})})};
    program.classes[0].schedule = {{0, 0, {}, {}}, {0, 1, {}, {}}, {1, 0, {}, {}}};
    auto const timeline = simulate(program, topology, timings);
    auto const node = cluster_of({}).node;
    auto const scatter = alone(timings, node, CollectiveKind::reduce_scatter, Tier::leaf, 0.5e9, {2, 2});
    auto const gather = alone(timings, node, CollectiveKind::all_gather, Tier::leaf, 0.5e9, {2, 2});
    REQUIRE(scatter > 1e-3);
    // kernel, two reduce-scatters in a row (the second kernel is hidden), all-gather behind them, kernel
    CHECK_THAT(timeline.step.value(), WithinRel(1e-3 + 2 * scatter + gather + 1e-3, 1e-9));
    CHECK_THAT(timeline.classes[0].compute.value(), WithinRel(3e-3, 1e-9));
    CHECK_THAT(timeline.classes[0].exposed[int(Stream::data)].value(),
               WithinRel(2 * scatter + gather - 1e-3, 1e-9));
    check_sums(timeline);
}

TEST_CASE("Classes with a rendezvous start and end together", "[engine]") {
    auto const topology = topology_of({.nodes = 4});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("early", ranks(0, 1, 16)), class_of("late", ranks(16, 1, 16))};
    double const bytes[] = {1e9, 4e9};
    for (int c = 0; c < 2; ++c) {
        auto sum = collective(Stream::data, CollectiveKind::all_reduce, bytes[c], ranks(16 * c, 8, 2), {0});
        std::get<parallel::Collective>(sum.work).rendezvous = 7;
        program.classes[c].blocks = {
            block("end", {kernel(c == 0 ? 1e-3 : 5e-3, "down"), sum, kernel(1e-3, "update", {1})})};
        program.classes[c].schedule = {{0, 0, {}, {}}};
    }
    auto const timeline = simulate(program, topology, timings);
    auto const sum = alone(timings, cluster_of({}).node, CollectiveKind::all_reduce, Tier::leaf, 4e9, {2, 2});
    CHECK_THAT(timeline.step.value(), WithinRel(5e-3 + sum + 1e-3, 1e-9));
    // the early class waits 4 ms for the late one, then for the slower of the two sums
    CHECK_THAT(timeline.classes[0].bubble.value(), WithinRel(4e-3, 1e-9));
    CHECK_THAT(timeline.classes[0].exposed[int(Stream::data)].value(), WithinRel(sum, 1e-9));
    check_sums(timeline);
}

TEST_CASE("A program whose message waits for its own answer is a bug that names the class", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto program = two_stages(1e6);
    std::swap(program.classes[0].schedule[0], program.classes[0].schedule[2]); // B0 before F0
    CHECK_THROWS_WITH(simulate(program, topology, timings), Catch::Matchers::Contains("class stage 0"));
}

TEST_CASE("A message that nobody sends is a bug", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto program = two_stages(1e6);
    program.classes[0].schedule[0].sends.clear();
    CHECK_THROWS_AS(simulate(program, topology, timings), BugError);
}

TEST_CASE("A second simulation in one process is refused", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    static_cast<void>(simulate(two_stages(1e6), topology, timings));
    CHECK_THROWS_AS(simulate(two_stages(1e6), topology, timings), BugError);
}

TEST_CASE("Groups of one take no time", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 8))};
    program.classes[0].blocks = {
        block("forward", {kernel(1e-3, "qkv"),
                          collective(Stream::tensor, CollectiveKind::all_reduce, 1e9, ranks(0, 1, 1), {0}),
                          kernel(1e-3, "up", {1})})};
    program.classes[0].schedule = {{0, 0, {}, {}}, {0, 1, {}, {}}};
    auto const timeline = simulate(program, topology, timings);
    CHECK_THAT(timeline.step.value(), WithinRel(4e-3, 1e-12));
    check_sums(timeline);
}

TEST_CASE("An early collective runs while the block waits for its message", "[engine]") {
    auto const topology = topology_of({});
    auto const timings = test::no_tables();
    auto program = two_stages(8e6);
    // stage 1 gathers within its node before its first forward, whose kernels wait for it
    parallel::BlockOp gather{
        Stream::data,
        parallel::Collective{CollectiveKind::all_gather, Bytes{8e6}, ranks(8, 1, 8), "parameters"},
        {}};
    gather.early = true;
    auto first = block("forward, first", {gather, kernel(0.4e-3, "qkv", {0}), kernel(0.6e-3, "up", {1})});
    program.classes[1].blocks.push_back(first);
    program.classes[1].schedule[0].block = 2;
    auto const gathered =
        alone(timings, cluster_of({}).node, CollectiveKind::all_gather, Tier::node, 7e6, {8, 1});
    auto const t = alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, 8e6, {2, 2});
    REQUIRE(gathered <
            1e-3 + t); // done before the message of stage 0 comes: the step is as long as without it
    CHECK_THAT(simulate(program, topology, timings).step.value(), WithinRel(12e-3 + 4 * t, 1e-9));
}
