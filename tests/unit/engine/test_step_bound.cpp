#include "engine/simulate.hpp"
#include "engine/step_bound.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using hardware::Tier;
using timing::CollectiveKind;

namespace {

struct Pipeline {
    int stages = 4;
    int micro_batches = 6;
    double message_bytes = 1e6;
};

int message(Pipeline const& p, bool forward, int boundary, int micro_batch) {
    return ((forward ? 0 : p.stages - 1) + boundary) * p.micro_batches + micro_batch;
}

/// Forward 1 ms, backward 2 ms, all forwards first.
parallel::Program gpipe(Pipeline const& p) {
    parallel::Program program;
    for (auto const forward : {true, false}) {
        for (int s = 0; s + 1 < p.stages; ++s) {
            auto const from = forward ? s : s + 1;
            auto const to = forward ? s + 1 : s;
            for (int m = 0; m < p.micro_batches; ++m) {
                program.messages.push_back({ClassId{from}, ClassId{to}, Bytes{p.message_bytes},
                                            ChipIndex{8 * from}, ChipIndex{8 * to}});
            }
        }
    }
    for (int s = 0; s < p.stages; ++s) {
        auto stage = class_of("stage", ranks(8 * s, 1, 8));
        stage.blocks = {{"forward", parallel::Phase::forward, {kernel(1e-3, "up")}},
                        {"backward", parallel::Phase::backward, {kernel(2e-3, "up")}}};
        for (auto const forward : {true, false}) {
            for (int m = 0; m < p.micro_batches; ++m) {
                parallel::WorkItem item{forward ? 0 : 1, m, {}, {}};
                auto const before = forward ? s - 1 : s;
                auto const after = forward ? s : s - 1;
                if (before >= 0 && before < p.stages - 1) {
                    item.receives.push_back(message(p, forward, before, m));
                }
                if (after >= 0 && after < p.stages - 1) {
                    item.sends.push_back(message(p, forward, after, m));
                }
                stage.schedule.push_back(item);
            }
        }
        program.classes.push_back(std::move(stage));
    }
    return program;
}

} // namespace

TEST_CASE("The bound of a uniform pipeline is (m + p - 1) (f + b) and its messages", "[engine]") {
    auto const topology = topology_of({.nodes = 4});
    auto const timings = test::no_tables();
    Pipeline const p;
    auto const t =
        alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, p.message_bytes, {2, 2});
    // in: 3 forwards and messages; 6 forwards and 6 backwards of the last stage; out: 3 messages and backwards
    auto const bound = step_bound(gpipe(p), topology, timings);
    CHECK_THAT(bound.value(), WithinRel((6 + 4 - 1) * 3e-3 + 6 * t, 1e-9));
    // nothing contends here: the bound is reached
    CHECK_THAT(simulate(gpipe(p), topology, timings).step.value(), WithinRel(bound.value(), 1e-9));
}

TEST_CASE("The bound counts the blocking messages of the sender", "[engine]") {
    auto const topology = topology_of({.nodes = 4});
    auto const timings = test::no_tables();
    Pipeline const p;
    auto const t =
        alone(timings, cluster_of({}).node, CollectiveKind::send_recv, Tier::leaf, p.message_bytes, {2, 2});
    auto program = gpipe(p);
    for (auto& message : program.messages) {
        message.blocking = true;
    }
    // stage 0 sends after each of 6 forwards, the last stage after each of 6 backwards; then 3 hops each way
    auto const bound = step_bound(program, topology, timings);
    CHECK_THAT(bound.value(), WithinRel((6 + 4 - 1) * 3e-3 + 2 * (5 + 3) * t, 1e-9));
    CHECK_THAT(simulate(program, topology, timings).step.value(), WithinRel(bound.value(), 1e-9));
}

TEST_CASE("The bound counts the busiest stream of a rank", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 16))};
    auto gradients = collective(parallel::Stream::data, CollectiveKind::all_reduce, 1e9, ranks(0, 8, 2), {0});
    gradients.detached = true;
    program.classes[0].blocks = {{"backward", parallel::Phase::backward, {kernel(1e-3, "up"), gradients}}};
    program.classes[0].schedule = {{0, 0, {}, {}}, {0, 1, {}, {}}};
    auto const sum = alone(timings, cluster_of({}).node, CollectiveKind::all_reduce, Tier::leaf, 1e9, {2, 2});
    CHECK_THAT(step_bound(program, topology, timings).value(), WithinRel(2 * sum, 1e-9));
}
