#include "engine/split_batch.hpp"
#include "engine/step_bound.hpp"
#include "unit/parallel/job_fixture.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic;
using namespace moesaic::engine;
using moesaic::test::job_of;

namespace {

/// Ling-Plus on 512 chips of each of two clusters, a kind of replica on each.
parallel::Plan split_over(std::string const& first, std::string const& second) {
    auto const f = job_of("ling_plus", {{"first", first, 512}, {"second", second, 512}}, 8960, R"(
pipeline = 8
expert = 8
[[parallel.replica_kinds]]
name = "first"
pool = "first"
[[parallel.replica_kinds]]
name = "second"
pool = "second"
)");
    return split_batch(f.job());
}

} // namespace

TEST_CASE("a slower pool of the same size gets fewer micro-batches", "[engine]") {
    auto const plan = split_over("h800_4096", "h20_4096");
    auto const fast = plan.kinds.at(0).micro_batches.value_or(0);
    auto const slow = plan.kinds.at(1).micro_batches.value_or(0);
    CHECK(fast > slow);
    CHECK(64 * (fast + slow) == 8960);
}

TEST_CASE("a pool under two names splits the batch evenly", "[engine]") {
    auto const plan = split_over("h800_4096", "h800_4096");
    CHECK(plan.kinds.at(0).micro_batches == 70);
    CHECK(plan.kinds.at(1).micro_batches == 70);
}

TEST_CASE("gradients and parameters that travel with every micro-batch count for the split", "[engine]") {
    // 16 and 32 replicas of a rank each, bound by their NICs
    auto const f = job_of("ling_lite", {{"new", "h800_4096", 16}, {"old", "ascend_910b2_4096", 32}}, 960, R"(
zero = "parameters"
[[parallel.replica_kinds]]
name = "new"
pool = "new"
[[parallel.replica_kinds]]
name = "old"
pool = "old"
)");
    auto const step_with = [&](parallel::Plan const& plan) {
        auto const program = parallel::build_program({f.model, plan, f.shape, f.topology, f.timings});
        return step_bound(program, f.topology, f.timings).value();
    };
    auto const split = split_batch(f.job());
    auto least = HUGE_VAL;
    for (int of_old = 1; of_old < 30; ++of_old) {
        auto plan = split;
        plan.kinds[0].micro_batches = 60 - 2 * of_old;
        plan.kinds[1].micro_batches = of_old;
        least = std::min(least, step_with(plan));
    }
    CHECK(step_with(split) < 1.01 * least);
}
