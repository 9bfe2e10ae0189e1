#include "engine/simulate.hpp"
#include "planner/degrees.hpp"
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

/// Two pools of unlike chips, a node each.
std::string two_pools(std::string const& pools, std::string const& links) {
    return test::mixtral_on(pools + links + R"([search]
tensor = [2, 4]
pipeline = [1, 2]
expert = [2, 8]
micro_batch = [1, 2]
schedule = ["1f1b"]
zero = ["optimizer"]
)");
}
std::string const new_pool = "[[pools]]\nname = \"new\"\ncluster = \"h800_4096\"\nchips = 16\n";
std::string const old_pool = "[[pools]]\nname = \"old\"\ncluster = \"ascend_910b2_4096\"\nchips = 16\n";
std::string const links =
    "[[site_links]]\nbetween = [\"new\", \"old\"]\nbandwidth = \"400 GB/s\"\nlatency = \"20 us\"\n";

/// An hour of an old chip costs a third of a new one's.
Request request_for_two(Problem const& problem, double power) {
    auto out = request_for(problem, {{3.0, 1.0}, power});
    out.cost = {{3.0, 1.0}, 1.0};
    out.limits.rate_per_chip = {3.0, 1.0};
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

TEST_CASE("several pools are never worse than each alone with the same limits", "[planner]") {
    auto const both = test::planning_of(two_pools(new_pool + old_pool, links));
    auto const alone = {test::planning_of(two_pools(new_pool, "")),
                        test::planning_of(two_pools(old_pool, ""))};
    std::vector<double> const rates{3.0, 1.0};
    for (int const chips : {0, 16}) {
        for (std::int64_t const refined : {20, 1200}) {
            for (double const budget :
                 {0.0, 97.0, 85.0}) { // fastest plan 108, new chips alone 97, old ones 85
                INFO(chips << " chips, budget " << budget << ", effort " << refined);
                auto const limited = [&](Request request) {
                    request.limits.chips = chips;
                    request.limits.cost = budget;
                    request.effort.refined = refined;
                    return request;
                };
                auto const together = search(both->problem, limited(request_for_two(both->problem, 0.0)));
                std::size_t pool = 0;
                for (auto const& one : alone) {
                    auto request = request_for(one->problem, {{rates[pool]}, 0.0});
                    request.cost.rate_per_chip = {rates[pool]};
                    request.limits.rate_per_chip = {rates[pool]};
                    auto const found = search(one->problem, limited(request));
                    if (!found.best.empty()) {
                        REQUIRE_FALSE(together.best.empty());
                        CHECK(together.best.front().seconds <= found.best.front().seconds * (1.0 + 1e-12));
                    }
                    ++pool;
                }
            }
        }
    }
}

TEST_CASE("a budget between the bills of two plans gives the dear one up for the cheap one", "[planner]") {
    auto const fixture = test::planning_of(two_pools(new_pool + old_pool, links));
    auto const& problem = fixture->problem;
    auto request = request_for_two(problem, 0.0);
    auto const bill = [&](Planned const& plan) { return plan.seconds * request.cost.factor(plan.chips); };
    auto const fastest = search(problem, request);
    auto const cheapest = search(problem, request_for_two(problem, 1.0));
    REQUIRE_FALSE(fastest.best.empty());
    double const dear = bill(fastest.best.front()), cheap = bill(cheapest.best.front());
    REQUIRE(cheap < dear);
    for (double const part : {0.02, 0.1, 0.5, 0.9}) {
        INFO("a budget " << part << " of the way from the cheapest to the fastest plan");
        request.limits.cost = cheap + part * (dear - cheap);
        auto const found = search(problem, request);
        REQUIRE_FALSE(found.best.empty());
        CHECK(bill(found.best.front()) <= request.limits.cost);
        CHECK(found.best.front().seconds <= cheapest.best.front().seconds);
        CHECK(found.best.front().seconds >= fastest.best.front().seconds);
        for (auto const& plan : fastest.front) { // none that is known to be within the budget is missed
            if (bill(plan) <= request.limits.cost) {
                CHECK(found.best.front().seconds <= plan.seconds * (1.0 + 1e-12));
            }
        }
    }
}

TEST_CASE("a limit that binds nothing gives the answer of no limit", "[planner]") {
    auto const fixture = test::planning_of(two_pools(new_pool + old_pool, links));
    auto const& problem = fixture->problem;
    for (double const power : {0.0, 1.0}) {
        for (std::int64_t const refined : {8, 32, 128}) {
            for (int const simulations : {2, 4}) { // less than proves what is best
                INFO("power " << power << ", effort " << refined << " and " << simulations);
                auto request = request_for_two(problem, power);
                request.top = 1;
                request.simulate =
                    [&problem](auto const& plans) { // farther from the bounds, some more than others
                        auto out = simulate(problem, plans);
                        for (std::size_t i = 0; i < plans.size(); ++i) {
                            auto const unlike = plan_toml(problem.scenario, plans[i]).size() % 7;
                            out[i].seconds *= 1.0 + 0.1 * static_cast<double>(unlike);
                        }
                        return out;
                    };
                request.effort.refined = refined;
                request.effort.simulations = simulations;
                auto const free = search(problem, request);
                REQUIRE_FALSE(free.best.empty());
                request.limits.seconds = 1e6;
                CHECK(told(problem, search(problem, request).best) == told(problem, free.best));
                request.limits.seconds = 0.0;
                request.limits.cost = 1e6;
                CHECK(told(problem, search(problem, request).best) == told(problem, free.best));
            }
        }
    }
}

TEST_CASE("a search tells whether it is proved that no plan keeps to the limits", "[planner]") {
    auto const fixture = test::planning_of(one_pool);
    auto const& problem = fixture->problem;
    auto request = request_for(problem, {{1.0}, 0.0});
    auto const cheapest = search(problem, request_for(problem, {{1.0}, 1.0})).best.front().value;
    request.limits.cost = 1e-6 * cheapest;
    auto const never = search(problem, request);
    CHECK((never.best.empty() && never.exhausted()));
    request.limits.cost = 0.99 * cheapest;
    request.effort.refined = 1;
    auto const unknown = search(problem, request);
    CHECK((unknown.best.empty() && !unknown.exhausted()));
}

TEST_CASE("a plan with local SGD is not searched", "[planner]") {
    auto const fixture =
        test::planning_of(one_pool + "[parallel]\ntensor = 4\nlocal_sgd = { every = 10, workers = 2 }\n");
    CHECK_THROWS_WITH(search(fixture->problem, request_for(fixture->problem, {{1.0}, 0.0})),
                      Catch::Contains("parallel.local_sgd: plans with local SGD are not searched"));
}

TEST_CASE("degrees over which the experts do not divide are refused or not tried", "[planner]") {
    auto const with = [](std::string const& more) {
        return test::planning_of(
            test::mixtral_on("[[pools]]\nname = \"new\"\ncluster = \"h800_4096\"\nchips = 24\n" + more));
    };
    CHECK_THROWS_WITH(with("[search]\nexpert = [2, 3]\n"),
                      Catch::Contains("search.expert: 8 experts do not divide by expert = 3"));
    auto const fixture = with("[parallel]\nexpert = 3\n"); // whoever runs this plan refuses it
    CHECK(degrees_of(fixture->scenario).expert == std::vector{1, 2, 4, 8});
    CHECK_THROWS_WITH(parallel::build_program(fixture->problem.job(fixture->scenario.plan)),
                      Catch::Contains("parallel.expert: 8 experts do not divide by expert = 3"));
}

TEST_CASE("context degrees over which the heads do not divide are not tried", "[planner]") {
    // Mixtral has 8 key-value heads
    auto const fixture = test::planning_of(one_pool + R"(context = [4]
[parallel]
tensor = 4
context_exchange = "all_to_all"
)");
    auto const found = search(fixture->problem, request_for(fixture->problem, {{1.0}, 0.0}));
    REQUIRE_FALSE(found.best.empty());
    for (auto const& planned : found.best) {
        CHECK(planned.plan.kinds.front().stage_groups.front().tensor == 2);
    }
}

TEST_CASE("a [parallel] that says how the software works alone is no plan, and its practice is kept",
          "[planner]") {
    auto const fixture = test::planning_of(one_pool + "[parallel]\noverlap_gradients = false\n");
    CHECK(fixture->scenario.plan.kinds.empty());
    auto const found = search(fixture->problem, request_for(fixture->problem, {{1.0}, 0.0}));
    REQUIRE_FALSE(found.best.empty());
    CHECK_FALSE(found.best.front().plan.overlap_gradients);
}

TEST_CASE("with little effort plans that share more hide none that shares the optimizer alone", "[planner]") {
    auto const best = [](std::string const& zero, std::int64_t refined) {
        auto const fixture = test::planning_of(one_pool + "zero = [" + zero + "]\n");
        auto request = request_for(fixture->problem, {{1.0}, 0.0});
        request.top = 1;
        request.effort.refined = refined;
        auto const found = search(fixture->problem, request);
        REQUIRE_FALSE(found.best.empty());
        return found.best.front().seconds;
    };
    for (int const refined : {8, 12, 16, 24}) {
        CHECK(best("\"optimizer\", \"gradients\", \"parameters\"", refined) <=
              best("\"optimizer\"", refined / 2));
    }
}

TEST_CASE("two pools prove as well that no plan keeps to a budget that is far too small", "[planner]") {
    auto const fixture = test::planning_of(two_pools(new_pool + old_pool, links));
    auto const& problem = fixture->problem;
    auto request = request_for_two(problem, 0.0);
    auto const cheapest = search(problem, request_for_two(problem, 1.0)).best.front().value;
    for (double const part : {1e-6, 0.3, 0.5}) {
        INFO(part << " of what the cheapest plan costs");
        request.limits.cost = part * cheapest;
        auto const never = search(problem, request);
        CHECK((never.best.empty() && never.exhausted()));
    }
}

TEST_CASE("the answer within a budget does not depend on the number of workers", "[planner]") {
    auto const fixture = test::planning_of(two_pools(new_pool + old_pool, links));
    auto const& problem = fixture->problem;
    auto request = request_for_two(problem, 0.0);
    request.limits.cost = 1.1 * search(problem, request_for_two(problem, 1.0)).best.front().value;
    auto const alone = search(problem, request);
    request.workers = 3;
    auto const together = search(problem, request);
    REQUIRE_FALSE(alone.best.empty());
    CHECK(told(problem, alone.best) == told(problem, together.best));
    CHECK(told(problem, alone.front) == told(problem, together.front));
    CHECK(alone.refined == together.refined);
    CHECK(alone.rest_at_least == together.rest_at_least);
}
