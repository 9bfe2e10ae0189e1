#include "economics/reliability.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace moesaic;
using namespace moesaic::economics;

namespace {

/// Llama 3 405B (arXiv 2407.21783, section 3.3.4): 419 unexpected interruptions in 54 days on 16,384 H100.
FailureModel const llama3{
    .chip_hours_per_failure = 16384.0 * 54 * 24 / 419, .detection = Seconds{60}, .restart = Seconds{600}};
constexpr std::int64_t llama3_chips = 16384;

} // namespace

TEST_CASE("a job of n chips fails n times as often as one chip", "[economics]") {
    // 54 x 24 h / 419 = 3.09 h between failures
    CHECK(job_mtbf(llama3, llama3_chips).value() / 3600 == Approx(3.093).epsilon(1e-3));
    CHECK(job_mtbf(llama3, 2 * llama3_chips) / job_mtbf(llama3, llama3_chips) == Approx(0.5));
    CHECK(std::isinf(job_mtbf({}, 8).value()));
}

TEST_CASE("the best interval is the one of the least expected time", "[economics]") {
    CheckpointModel const best{.save = Seconds{30}, .interval = std::nullopt};
    auto const tau = best_interval(Seconds{30}, job_mtbf(llama3, llama3_chips));
    auto const least = expected_slowdown(llama3, best, llama3_chips);
    for (double const factor : {0.5, 0.8, 1.25, 2.0}) {
        CHECK(expected_slowdown(llama3, {.save = Seconds{30}, .interval = tau * factor}, llama3_chips) >
              least);
    }
}

TEST_CASE("played runs take as long as Daly's closed form says, within 2 %", "[economics]") {
    struct Case {
        FailureModel failures;
        CheckpointModel checkpoints;
        std::int64_t chips;
    };
    for (auto const& c :
         {Case{llama3, {.save = Seconds{30}, .interval = std::nullopt}, llama3_chips},
          Case{llama3, {.save = Seconds{240}, .interval = Seconds{3600}}, llama3_chips},
          Case{{.chip_hours_per_failure = 240000, .detection = Seconds{30}, .restart = Seconds{600}},
               {.save = Seconds{90}, .interval = Seconds{1800}},
               10000}}) {
        Seconds const useful{300 * 86400.0}; // thousands of failures
        auto const run = play_run(useful, c.failures, c.checkpoints, c.chips, 7);
        CHECK(run.failures > 100);
        CHECK(run.wall / useful ==
              Approx(expected_slowdown(c.failures, c.checkpoints, c.chips)).epsilon(0.02));
        auto const parts = useful + run.lost + run.saving + run.recovering;
        CHECK(parts.value() == Approx(run.wall.value()).epsilon(1e-9));
    }
}

TEST_CASE("Llama 3's run keeps above 90 % of its time for training, as published", "[economics]") {
    // arXiv 2407.21783, section 3.3.4: "more than 90 % effective training time". Saving, detection and restart are not
    // published: half a minute, one and ten minutes are assumed.
    auto const run = play_run(Seconds{50 * 86400.0}, llama3, {.save = Seconds{30}, .interval = std::nullopt},
                              llama3_chips, 1);
    CHECK(run.goodput(Seconds{50 * 86400.0}) > 0.85);
    CHECK(run.goodput(Seconds{50 * 86400.0}) < 0.97);
}

TEST_CASE("without failures and checkpoints a run takes its time", "[economics]") {
    auto const run = play_run(Seconds{1000}, {}, {.save = Seconds{10}, .interval = std::nullopt}, 8, 1);
    CHECK(run.wall.value() == 1000.0);
    CHECK(run.failures == 0);
    CHECK(expected_slowdown({}, {.save = Seconds{10}, .interval = Seconds{90}}, 8) == Approx(100.0 / 90.0));
}

TEST_CASE("the same seed plays the same run", "[economics]") {
    auto const once =
        play_run(Seconds{1e7}, llama3, {.save = Seconds{30}, .interval = std::nullopt}, llama3_chips, 3);
    auto const again =
        play_run(Seconds{1e7}, llama3, {.save = Seconds{30}, .interval = std::nullopt}, llama3_chips, 3);
    auto const other =
        play_run(Seconds{1e7}, llama3, {.save = Seconds{30}, .interval = std::nullopt}, llama3_chips, 4);
    CHECK(once.wall == again.wall);
    CHECK(once.wall != other.wall);
}
