#include "apart.hpp"
#include "engine/simulate.hpp"
#include "engine/step_bound.hpp"
#include "no_tables.hpp"
#include "random_program.hpp"

#include <catch2/catch.hpp>

#include <cstring>

using namespace moesaic;
using namespace moesaic::test;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

struct Sums {
    double step = 0.0;
    double path = 0.0;
    double keys = 0.0;
    double worst_class = 0.0; ///< the class whose parts differ most from the step
};

hardware::Topology faster(Shape const& shape, double factor) {
    auto cluster = cluster_of(shape);
    cluster.node.nic_bandwidth.value *= factor;
    cluster.node.scale_up.bandwidth.value *= factor;
    return hardware::Topology{{{cluster, shape.nodes * shape.chips}}, {}};
}

Sums run(std::uint64_t seed, double bandwidth, engine::Sharing sharing = engine::Sharing::simulated,
         bool open_ended = false) {
    return apart([&] {
               RandomProgram random{seed};
               auto const topology = faster(random.shape(), bandwidth);
               auto const timings = test::no_tables();
               auto program = random.program();
               program.open_ended = open_ended;
               auto const timeline = engine::simulate(program, topology, timings, {.sharing = sharing});
               Sums sums{.step = timeline.step.value(), .worst_class = timeline.step.value()};
               for (auto const& part : timeline.path) {
                   sums.path += part.time.value();
               }
               for (auto const& part : timeline.path_keys) {
                   sums.keys += part.time.value();
               }
               for (auto const& time : timeline.classes) {
                   auto total = time.compute.value() + time.bubble.value();
                   for (auto const part : time.exposed) {
                       total += part.value();
                   }
                   auto const off = [&](double t) { return std::abs(t - sums.step); };
                   sums.worst_class = off(total) > off(sums.worst_class) ? total : sums.worst_class;
               }
               return sums;
           })
        .result;
}

} // namespace

TEST_CASE("Of programs whose steps overlap, path and classes add up to one step", "[engine][property]") {
    int shorter = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        INFO("seed " << seed);
        auto const sums = run(seed, 1.0, engine::Sharing::simulated, true);
        CHECK_THAT(sums.path, WithinRel(sums.step, 1e-9));
        CHECK_THAT(sums.keys, WithinRel(sums.step, 1e-9));
        CHECK_THAT(sums.worst_class, WithinRel(sums.step, 1e-9));
        shorter += sums.step < run(seed, 1.0).step * (1 - 1e-9) ? 1 : 0;
    }
    CHECK(shorter > 0);
}

TEST_CASE("Path and classes add up to the step on random programs", "[engine][property]") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        INFO("seed " << seed);
        auto const sums = run(seed, 1.0);
        REQUIRE(sums.step > 0.0);
        CHECK_THAT(sums.path, WithinRel(sums.step, 1e-9));
        CHECK_THAT(sums.keys, WithinRel(sums.step, 1e-9));
        CHECK_THAT(sums.worst_class, WithinRel(sums.step, 1e-9));
    }
}

TEST_CASE("More bandwidth everywhere is never slower on random programs", "[engine][property]") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        INFO("seed " << seed);
        auto const now = run(seed, 1.0);
        auto const twice = run(seed, 2.0);
        CHECK(twice.step <= now.step * (1.0 + 1e-9));
    }
}

namespace {

/// Without sharing. @param bytes factor of the messages' bytes
double path_of(std::uint64_t seed, bool blocking, double bytes) {
    return apart([&] {
               RandomProgram random{seed};
               auto const topology = topology_of(random.shape());
               auto program = random.program();
               for (auto& message : program.messages) {
                   message.blocking = blocking;
                   message.in_turn = false;
                   message.bytes = message.bytes * bytes;
               }
               return engine::simulate(program, topology, test::no_tables(),
                                       {.sharing = engine::Sharing::none})
                   .step.value();
           })
        .result;
}

} // namespace

TEST_CASE("Blocking messages are never faster than those behind kernels, and as fast where they take no time",
          "[engine][property]") {
    int slower = 0;
    for (std::uint64_t seed = 600; seed < 660; ++seed) {
        INFO("seed " << seed);
        auto const behind = path_of(seed, false, 1.0);
        auto const blocking = path_of(seed, true, 1.0);
        CHECK(blocking >= behind * (1.0 - 1e-9));
        slower += blocking > behind * 1.001 ? 1 : 0;
        CHECK(path_of(seed, true, 0.0) == path_of(seed, false, 0.0));
    }
    CHECK(slower > 10);
}

TEST_CASE("The same program gives the same bits", "[engine][property]") {
    for (std::uint64_t seed = 100; seed < 110; ++seed) {
        auto const first = run(seed, 1.0);
        auto const second = run(seed, 1.0);
        CHECK(std::memcmp(&first, &second, sizeof first) == 0);
    }
}

TEST_CASE("Flows on our calendar end as they do in SimGrid, and never later without sharing",
          "[engine][property]") {
    int shared = 0;
    for (std::uint64_t seed = 200; seed < 260; ++seed) {
        INFO("seed " << seed);
        auto const step = run(seed, 1.0).step;
        // SimGrid's clock is 1 ns fine, and many flows follow each other
        CHECK_THAT(step, WithinAbs(run(seed, 1.0, engine::Sharing::checked).step, 100e-9));
        auto const path = run(seed, 1.0, engine::Sharing::none).step;
        CHECK(path <= step + 100e-9);
        shared += path < step * 0.999 ? 1 : 0;
    }
    CHECK(shared > 10); // contention matters in many of them
}

TEST_CASE("The bound is at most the path, the path at most the simulated step", "[engine][property]") {
    for (std::uint64_t seed = 500; seed < 600; ++seed) {
        INFO("seed " << seed);
        RandomProgram random{seed};
        auto const topology = topology_of(random.shape());
        auto const bound = engine::step_bound(random.program(), topology, test::no_tables()).value();
        auto const path = run(seed, 1.0, engine::Sharing::none).step;
        CHECK(bound > 0.0);
        CHECK(bound <= path * (1.0 + 1e-9));
        CHECK(path <= run(seed, 1.0).step + 100e-9); // SimGrid's clock is 1 ns fine
    }
}
