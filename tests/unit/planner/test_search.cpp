#include "engine/simulate.hpp"
#include "planner/plan_text.hpp"
#include "planner/search.hpp"
#include "planner_fixture.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::planner;

namespace {

std::string const one_pool = test::mixtral_on(R"([[pools]]
name = "new"
cluster = "h800_4096"
chips = 32
[search]
tensor = [2, 4]
pipeline = [1, 2, 4]
expert = [2, 8]
micro_batch = [1, 2]
schedule = ["1f1b", "zb-h1", "dualpipe"]
)");

/// Without contention, so that one process can simulate many plans.
std::vector<Simulated> simulate(Problem const& problem, std::vector<parallel::Plan> const& plans) {
    std::vector<Simulated> out;
    for (auto const& plan : plans) {
        auto const program = parallel::build_program(problem.job(plan), problem.pricers);
        auto const run =
            engine::simulate(program, problem.topology, problem.timings, {.sharing = engine::Sharing::none});
        out.push_back({run.step.value(), ""});
    }
    return out;
}

Request request_for(Problem const& problem, Objective objective) {
    Request out;
    out.objective = std::move(objective);
    out.cost = {{1.0}, 1.0};
    out.limits.rate_per_chip = {1.0};
    out.simulate = [&problem](auto const& plans) { return simulate(problem, plans); };
    return out;
}

std::vector<std::string> told(Problem const& problem, std::vector<Planned> const& plans) {
    std::vector<std::string> out;
    for (auto const& planned : plans) {
        out.push_back(fmt::format("{} {}\n{}", planned.seconds, planned.value,
                                  plan_toml(problem.scenario, planned.plan)));
    }
    return out;
}

} // namespace

TEST_CASE("the answer of a search does not depend on the number of workers", "[planner]") {
    auto const fixture = test::planning_of(one_pool);
    auto const& problem = fixture->problem;
    auto request = request_for(problem, {{1.0}, 0.0});
    auto const alone = search(problem, request);
    request.workers = 3;
    auto const together = search(problem, request);
    REQUIRE(alone.best.size() > 1);
    CHECK(told(problem, alone.best) == told(problem, together.best));
    CHECK(told(problem, alone.front) == told(problem, together.front));
    CHECK(alone.refined == together.refined);
    CHECK(alone.programs == together.programs);
    CHECK(alone.simulated == together.simulated);
    CHECK(alone.rest_at_least == together.rest_at_least);
}

TEST_CASE("a second objective finds what a search for it alone finds", "[planner]") {
    auto const fixture = test::planning_of(one_pool);
    auto const& problem = fixture->problem;
    Objective const time{{1.0}, 0.0}, cost{{1.0}, 1.0};
    auto both = request_for(problem, cost);
    both.second = time;
    auto const found = search(problem, both);
    auto const fastest = search(problem, request_for(problem, time));
    auto const cheapest = search(problem, request_for(problem, cost));
    REQUIRE_FALSE(found.best_by_second.empty());
    CHECK(found.best.front().value <= cheapest.best.front().value);
    CHECK(found.best_by_second.front().value <= fastest.best.front().value);
    CHECK(found.best_by_second.front().value == found.best_by_second.front().seconds);
    CHECK(fastest.best_by_second.empty());
}
