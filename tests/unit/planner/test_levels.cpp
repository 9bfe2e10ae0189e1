#include "engine/simulate.hpp"
#include "engine/step_bound.hpp"
#include "planner/degrees.hpp"
#include "planner/plan_text.hpp"
#include "planner/refine.hpp"
#include "planner/space.hpp"
#include "planner/stage_memory.hpp"
#include "planner_fixture.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::planner;

namespace {

std::string const two_pools = test::mixtral_on(R"([[pools]]
name = "new"
cluster = "h800_4096"
chips = 16
[[pools]]
name = "old"
cluster = "ascend_910b2_4096"
chips = 16
[[site_links]]
between = ["new", "old"]
bandwidth = "200 GB/s"
latency = "20 us"
[search]
tensor = [2, 4]
pipeline = [2, 4]
expert = [2, 8]
micro_batch = [1]
chunks = [2]
schedule = ["1f1b", "interleaved", "zb-h1", "dualpipe"]
zero = ["optimizer", "parameters"]
)");

/// All plans of the space, without limits.
std::vector<Bounded> all_plans(Problem const& problem, LayerTimes& times, Degrees const& degrees) {
    Collector to{{Objective{}}, {}, 100'000};
    Space const space{problem, degrees, times, to};
    explore_single_pools(space);
    explore_replica_mixes(space);
    explore_stage_mixes(space);
    std::vector<Bounded> out;
    for (std::size_t lane = 0; lane < to.lanes(); ++lane) {
        std::ranges::copy(to.best(0, lane), std::back_inserter(out));
    }
    return out;
}

std::string on_eight_h100(std::string const& model, int sequence_length, int pipeline,
                          std::string const& practice) {
    return fmt::format(R"(
name = "levels"
model = "{}"
[training]
global_batch = 64
sequence_length = {}
[[pools]]
name = "all"
cluster = "h100_16384"
chips = 8
[parallel]
{}
[search]
tensor = [1]
pipeline = [{}]
expert = [1]
micro_batch = [1]
schedule = ["1f1b"]
)",
                       model, sequence_length, practice, pipeline);
}

/// The closed form is never above layers settled, nor these above the longest path.
void check_levels_of(std::string const& scenario) {
    auto const fixture = test::planning_of(scenario);
    auto const& problem = fixture->problem;
    auto const degrees = degrees_of(problem.scenario);
    LayerTimes times{problem, degrees.recompute};
    int checked = 0;
    for (auto const& plan : all_plans(problem, times, degrees)) {
        if (auto const refined = refine(problem, times, plan.candidate)) {
            auto const program = parallel::build_program(problem.job(refined->plan), fixture->pricers);
            auto const path = engine::step_bound(program, fixture->topology, fixture->timings).value();
            CHECK(plan.seconds <= refined->seconds * (1 + 1e-9));
            CHECK(refined->seconds <= path * (1 + 1e-9));
            ++checked;
        }
    }
    CHECK(checked > 0);
}

} // namespace

TEST_CASE(
    "no level of the search is above the next: closed form, layers settled, longest path, no contention",
    "[planner]") {
    auto const fixture = test::planning_of(two_pools);
    auto const& problem = fixture->problem;
    auto const degrees = degrees_of(problem.scenario);
    LayerTimes times{problem, degrees.recompute};
    auto const plans = all_plans(problem, times, degrees);
    REQUIRE(plans.size() > 200);
    int checked = 0, mixed = 0;
    for (std::size_t i = 0; i < plans.size(); i += 7) {
        auto const refined = refine(problem, times, plans[i].candidate);
        if (!refined) {
            continue;
        }
        INFO(plan_toml(problem.scenario, refined->plan));
        CHECK(plans[i].seconds <= refined->seconds * (1 + 1e-9));
        auto const program = parallel::build_program(problem.job(refined->plan), fixture->pricers);
        auto const path = engine::step_bound(program, fixture->topology, fixture->timings).value();
        CHECK(refined->seconds <= path * (1 + 1e-9));
        auto const alone =
            engine::simulate(program, fixture->topology, fixture->timings, {.sharing = engine::Sharing::none})
                .step.value();
        CHECK(path <= alone * (1 + 1e-9));
        ++checked;
        mixed += refined->plan.kinds.size() > 1 || refined->plan.kinds[0].stage_groups.front().pool !=
                                                       refined->plan.kinds[0].stage_groups.back().pool
                     ? 1
                     : 0;
    }
    CHECK(checked > 20);
    CHECK(mixed > 5);
}

TEST_CASE("a head that is tied to the embedding is not counted twice by the closed form", "[planner]") {
    check_levels_of(on_eight_h100("megatron_gpt_1p7b", 2048, 1, "gradient_copies = \"1000 B\"\n"));
}

TEST_CASE("stages of layers with and without a window are bounded by what they take at least", "[planner]") {
    check_levels_of(
        on_eight_h100("gpt_oss_20b", 8192, 8, "")); // three layers a stage: one or two have a window
}

TEST_CASE("a plan written as TOML is read back as it was", "[planner]") {
    auto const fixture = test::planning_of(two_pools);
    auto const& problem = fixture->problem;
    auto const degrees = degrees_of(problem.scenario);
    LayerTimes times{problem, degrees.recompute};
    int checked = 0;
    auto const plans = all_plans(problem, times, degrees);
    for (std::size_t i = 0; i < plans.size(); i += 31) {
        if (auto const refined = refine(problem, times, plans[i].candidate)) {
            TemporaryFile const file{"written.toml"};
            auto const text = scenario_text(problem.scenario, refined->plan);
            io::write_text_file(file.path, text);
            auto const again = scenario::read_scenario(file.path, {}, MOESAIC_SOURCE_DIR);
            INFO(text);
            CHECK(test::without_origins(again.plan) == test::without_origins(refined->plan));
            ++checked;
        }
    }
    CHECK(checked > 3);
}

TEST_CASE("memory by parts is the memory of the stages", "[planner]") {
    auto const fixture = test::planning_of(two_pools);
    auto const& problem = fixture->problem;
    auto const degrees = degrees_of(problem.scenario);
    LayerTimes times{problem, degrees.recompute};
    for (auto const& bounded : all_plans(problem, times, degrees)) {
        // what best_split() lets through, refine() checks with parallel::misfit: nothing may be refused there that has
        // one chunk per stage
        if (parallel::chunks_of(bounded.candidate.schedule) > 1) {
            continue;
        }
        if (auto const refined = refine(problem, times, bounded.candidate)) {
            CHECK_FALSE(parallel::misfit(parallel::memory_of_classes(problem.job(refined->plan))));
        }
    }
}

TEST_CASE("pairs of passes need as much memory in the planner's parts as in the stages", "[planner]") {
    auto const* const scenario = GENERATE(as<char const*>{}, "two pools", "layers of one block");
    INFO(scenario);
    auto hybrid = two_pools;
    hybrid.replace(hybrid.find("mixtral_8x7b"), 12, "nemotron_3_nano_30b_a3b");
    auto const fixture = test::planning_of(std::string{scenario} == "two pools" ? two_pools : hybrid);
    auto const& problem = fixture->problem;
    auto const degrees = degrees_of(problem.scenario);
    LayerTimes times{problem, degrees.recompute};
    int checked = 0;
    for (auto const& bounded : all_plans(problem, times, degrees)) {
        auto const& candidate = bounded.candidate;
        auto const* one_f_one_b = std::get_if<parallel::OneFOneB>(&candidate.schedule);
        auto const refined = one_f_one_b && one_f_one_b->paired && candidate.kinds.size() == 1
                                 ? refine(problem, times, candidate)
                                 : std::nullopt;
        if (!refined) {
            continue;
        }
        auto const& kind = refined->plan.kinds.at(0);
        auto const bytes = bytes_of_stages(problem, candidate, 0, times, kind.micro_batches.value_or(0));
        auto const classes = parallel::memory_of_classes(problem.job(refined->plan));
        REQUIRE(classes.size() == bytes.size());
        std::size_t stage = 0;
        int begin = 0;
        for (auto const& group : kind.stage_groups) {
            auto const again =
                std::ranges::find(times.recompute(), group.recompute) - times.recompute().begin();
            for (int const layers : group.layers) {
                auto const content = with_ends(times.contents().of(begin, begin + layers), stage == 0,
                                               stage + 1 == bytes.size());
                CHECK(bytes[stage].needed(content, static_cast<std::size_t>(again)) ==
                      Approx(classes[stage].parts.total().value()));
                begin += layers;
                ++stage;
            }
        }
        ++checked;
    }
    CHECK(checked > 3);
}

TEST_CASE("[search] names what may be tried", "[planner]") {
    auto const degrees = degrees_of(test::planning_of(two_pools)->scenario);
    CHECK(degrees.pipeline == std::vector{2, 4});
    CHECK(degrees.zero == std::vector{1, 3});
    // 1f1b, interleaved and dualpipe with and without hidden exchanges, zb-h1 without
    CHECK(degrees.schedules.size() == 7);
    CHECK_THROWS_WITH(test::planning_of(two_pools + "pipelines = [1]\n"), Catch::Contains("pipeline"));
    CHECK_THROWS_WITH(test::planning_of(two_pools + "replicas = [0]\n"),
                      Catch::Contains("must be 1 or more"));
}

TEST_CASE("the degrees of the scenario's own plan are tried, unless [search] says otherwise", "[planner]") {
    std::string const own = "[parallel]\npool = \"new\"\npipeline = 7\nreplicas = 1\nmicro_batch = 6\n";
    auto const unsearched = two_pools.substr(0, two_pools.find("[search]"));
    auto const degrees = degrees_of(test::planning_of(unsearched + own)->scenario);
    auto const planning = test::planning_of(unsearched + "[parallel]\npool = \"new\"\ntensor = 16\n");
    CHECK(tensor_degrees(planning->problem, 0) == std::vector{1, 2, 4, 8, 16}); // nodes of 8
    CHECK(tensor_degrees(planning->problem, 1) == std::vector{1, 2, 4, 8});     // the plan does not use it
    CHECK(degrees.micro_batch == std::vector{1, 2, 4, 6, 8});
    CHECK(std::ranges::find(degrees.pipeline, 7) != degrees.pipeline.end());
    CHECK(std::ranges::is_sorted(degrees.pipeline));
    auto const narrowed = degrees_of(test::planning_of(two_pools + own)->scenario);
    CHECK(narrowed.micro_batch == std::vector{1});
    CHECK(narrowed.pipeline == std::vector{2, 4});
}
