#include "parallel/slowest_chip.hpp"
#include "unit/parallel/job_fixture.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::job_of;

namespace {

Seconds time_of(Program const& program, bool of_matrix_units) {
    Seconds sum;
    for (auto const& block : program.classes.front().blocks) {
        for (auto const& op : block.ops) {
            auto const* work = std::get_if<Compute>(&op.work);
            bool const counts = work != nullptr && (work->work > Flop{}) == of_matrix_units;
            sum += counts ? work->duration.time : Seconds{};
        }
    }
    return sum;
}

} // namespace

TEST_CASE("one chip is as fast as the mean, and each doubling of the chips costs less than the one before",
          "[parallel]") {
    CHECK(slowest_of(0.012, 1) == 1.0);
    double last_step = 1.0;
    for (std::int64_t chips = 2; chips <= 16384; chips *= 2) {
        auto const step = slowest_of(0.012, chips) - slowest_of(0.012, chips / 2);
        CHECK(step > 0.0);
        CHECK(step < last_step);
        last_step = step;
    }
}

TEST_CASE("the slowest of n is as far out as the expected greatest of n normal draws", "[parallel]") {
    // tables of normal order statistics (Harter 1961): 8 -> 1.4236, 100 -> 2.5076
    CHECK(slowest_of(0.01, 8) == Approx(1.014236).epsilon(2e-4));
    CHECK(slowest_of(0.01, 100) == Approx(1.025076).epsilon(2e-4));
}

TEST_CASE("chips that an acceptance test would turn away are not in service", "[parallel]") {
    CHECK(slowest_of(0.03, 16384) == 1.05);
}

TEST_CASE("the slowest of the plan's chips slows kernels of the matrix units and nothing else",
          "[parallel]") {
    std::string const plan = "tensor = 1\n";
    auto const alike = job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32, plan + "chips_alike = true\n");
    auto const unlike = job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32, plan + "chips_alike = false\n");
    auto const mean = build_program(alike.job());
    auto const slowest = build_program(unlike.job());
    auto const spread = alike.topology.pool(PoolId{0}).cluster.node.chip.speed_spread.value().value;
    CHECK(time_of(slowest, true) / time_of(mean, true) == Approx(slowest_of(spread, 16)));
    CHECK(time_of(slowest, false).value() == Approx(time_of(mean, false).value()));
}

TEST_CASE("chips that the plan leaves idle slow nothing down", "[parallel]") {
    auto const f = job_of("llama2_7b", {{"h", "h100_16384", 32}}, 32, "replicas = 8\n");
    CHECK(chips_on(f.plan, PoolId{0}) == 8);
}

TEST_CASE("ranks of experts apart count among the chips of their pool", "[parallel]") {
    auto const f = job_of("mixtral_8x7b", {{"a", "h100_16384", 8}, {"e", "h800_4096", 8}}, 64,
                          "micro_batch = 1\n[[parallel.stages]]\npool = \"a\"\n"
                          "[parallel.experts]\npool = \"e\"\nranks = 4\n");
    CHECK(chips_on(f.plan, PoolId{0}) == 8);
    CHECK(chips_on(f.plan, PoolId{1}) == 4);
}
