#include "apart.hpp"
#include "engine/simulate.hpp"
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
               auto const timeline = engine::simulate(program, topology, timing::Timings{}, options);
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
