#include "apart.hpp"
#include "engine/simulate.hpp"
#include "no_tables.hpp"
#include "random_program.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using engine::Fold;

namespace {

struct Run {
    double step = 0.0;
    double by_class = 0.0;
    std::int64_t cells = 0;
    std::int64_t classes = 0;
    std::int64_t ranks = 0;
};

/// @param stragglers slow chips, chosen by the seed
Run run(std::uint64_t seed, Fold fold, int stragglers) {
    return apart([&] {
               RandomProgram random{seed};
               auto const topology = topology_of(random.shape());
               auto const program = random.program();
               engine::SimulationOptions options{.fold = fold};
               Rng rng{seed, "stragglers"};
               for (int i = 0; i < stragglers; ++i) {
                   auto const chip = static_cast<std::int64_t>(rng.below(random.chips()));
                   options.perturbations.stragglers.push_back({ChipIndex{chip}, 1.0 + rng.uniform()});
               }
               auto const timeline = engine::simulate(program, topology, test::no_tables(), options);
               Run out{.step = timeline.step.value(),
                       .cells = timeline.cells,
                       .classes = static_cast<std::int64_t>(program.classes.size()),
                       .ranks = random.chips()};
               for (auto const time : timeline.path_by_class) {
                   out.by_class += time.value();
               }
               return out;
           })
        .result;
}

} // namespace

TEST_CASE("Folded and unfolded steps agree on random programs", "[engine][property]") {
    int uniform = 0;
    for (std::uint64_t seed = 300; seed < 360; ++seed) {
        INFO("seed " << seed);
        auto const folded = run(seed, Fold::automatic, 0);
        auto const unfolded = run(seed, Fold::none, 0);
        CHECK(unfolded.cells == unfolded.ranks);
        CHECK_THAT(folded.by_class, WithinRel(folded.step, 1e-9)); // says which class bounds the step
        if (folded.cells == folded.classes) {                      // the ranks of each class have equal loads
            ++uniform;
            CHECK_THAT(folded.step, WithinRel(unfolded.step, 1e-3));
        }
    }
    CHECK(uniform >= 30);
}

TEST_CASE("A straggler unfolds what it touches, and the step is that of all ranks", "[engine][property]") {
    int compared = 0;
    int partly = 0;
    for (std::uint64_t seed = 400; seed < 440; ++seed) {
        INFO("seed " << seed);
        auto const even = run(seed, Fold::automatic, 0);
        if (even.cells != even.classes) {
            continue;
        }
        ++compared;
        auto const folded = run(seed, Fold::automatic, 1);
        partly += folded.cells < folded.ranks ? 1 : 0;
        CHECK(folded.cells > even.cells);
        // flows that start later meet others on their links, which may save a little elsewhere
        CHECK(folded.step >= even.step * (1.0 - 0.01));
        CHECK_THAT(folded.step, WithinRel(run(seed, Fold::none, 1).step, 1e-3));
    }
    CHECK(compared >= 20);
    CHECK(partly >= 15);
}

namespace {

/// Seconds of a ring over 4 nodes: one whose hops are near and far by turns.
double ring_step(hardware::Cluster const& cluster, Fold fold) {
    return apart([&] {
               hardware::Topology const topology{{{cluster, hardware::chips_of(cluster)}}, {}};
               parallel::Program program;
               program.chips = topology.chips();
               auto all = class_of("all", ranks(0, 1, topology.chips()));
               auto const across = ranks(0, cluster.node.chips, cluster.nodes);
               all.blocks = {
                   {"sum",
                    parallel::Phase::step_end,
                    {collective(parallel::Stream::data, timing::CollectiveKind::all_gather, 400e6, across)}}};
               all.schedule = {{0, 0, {}, {}}};
               program.classes = {all};
               return engine::simulate(program, topology, test::no_tables(), {.fold = fold}).step.value();
           })
        .result;
}

} // namespace

TEST_CASE("Chips that share a narrow link out of their node share it folded as unfolded",
          "[engine][property]") {
    auto torus = cluster_of({.nodes = 16});
    torus.fabric.kind = hardware::FabricKind::torus;
    torus.fabric.nodes_per_leaf = 1;
    torus.fabric.torus = hardware::Torus{.shape = {4, 4}, .link = {.value = BytesPerSecond{50e9}}};
    auto const folded = ring_step(torus, Fold::automatic);
    CHECK_THAT(folded, WithinRel(ring_step(torus, Fold::none), 1e-3));
    // 8 chips send 15/16 of 400 MB each over one link of 50 GB/s
    CHECK_THAT(folded, WithinRel(8.0 * 375e6 / 50e9, 0.01));
    auto const leaves = cluster_of({.nodes = 4, .nics = 2, .nodes_per_leaf = 2});
    CHECK_THAT(ring_step(leaves, Fold::automatic), WithinRel(ring_step(leaves, Fold::none), 1e-3));
}
