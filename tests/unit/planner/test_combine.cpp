#include "base/random.hpp"
#include "planner/combine.hpp"
#include "planner/mixes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace moesaic;
using namespace moesaic::planner;

namespace {

std::vector<std::vector<Share>> random_lists(Rng& rng) {
    std::vector<std::vector<Share>> out(2 + rng.below(2));
    for (auto& list : out) {
        auto const choices = 1 + rng.below(6);
        for (std::size_t i = 0; i < choices; ++i) {
            list.push_back({0.5 + rng.uniform(), 3.0 * rng.uniform(), i});
        }
    }
    return out;
}

/// Times of all combinations.
std::vector<double> all_times(double batch, std::vector<std::vector<Share>> const& lists) {
    std::vector<std::vector<Share>> combinations{{}};
    for (auto const& list : lists) {
        std::vector<std::vector<Share>> longer;
        for (auto const& one : combinations) {
            for (auto const& share : list) {
                longer.push_back(one);
                longer.back().push_back(share);
            }
        }
        combinations = longer;
    }
    std::vector<double> out;
    for (auto const& one : combinations) {
        out.push_back(time_together(batch, one));
    }
    std::ranges::sort(out);
    return out;
}

} // namespace

TEST_CASE("two pools share a batch so that both end together", "[planner]") {
    // 3 and 1 sequences per second, 8 sequences, the way through the second pool is worth 4: (8 + 4) / 4 = 3 s
    CHECK(time_together(8.0, {{3.0, 0.0, 0}, {1.0, 4.0, 0}}) == Approx(3.0));
}

TEST_CASE("the best combination is found without trying them all, and those near it are visited",
          "[planner]") {
    Rng rng{3, "combine"};
    for (int i = 0; i < 100; ++i) {
        auto const lists = random_lists(rng);
        double const batch = 5.0 + 10.0 * rng.uniform();
        auto const times = all_times(batch, lists);
        CHECK(least_time_together(batch, lists) == Approx(times.front()));
        double const most = times.front() * 1.2;
        std::vector<double> seen;
        auto const visited =
            visit_combinations(batch, lists, most, 1000, [&](double time, auto const& chosen) {
                CHECK(chosen.size() == lists.size());
                seen.push_back(time);
            });
        auto const near = std::ranges::count_if(times, [&](double t) { return t <= most; });
        CHECK(std::abs(static_cast<long>(seen.size()) - near) <= 1); // rounding at the edge
        CHECK(visited.all == static_cast<std::int64_t>(times.size()));
        CHECK(visited.least_left == most);
    }
}

TEST_CASE("combinations that are cut off are told by what they could have been", "[planner]") {
    std::vector<std::vector<Share>> const lists{{{2.0, 0.0, 0}, {1.9, 0.0, 1}}, {{1.0, 0.0, 0}}};
    auto const visited = visit_combinations(6.0, lists, 3.0, 1, [](double, auto const&) {});
    CHECK(visited.visited == 1);
    CHECK(visited.least_left == Approx(2.0)); // 6 / (2 + 1)
}

TEST_CASE("every combination that the money buys is in one of the sets that share it out, and in one alone",
          "[planner]") {
    Rng rng{5, "money"};
    int over = 0;
    for (int i = 0; i < 100; ++i) {
        auto const lists = random_lists(rng);
        std::vector<std::vector<double>> prices;
        for (auto const& list : lists) {
            prices.emplace_back();
            for (std::size_t choice = 0; choice < list.size(); ++choice) {
                prices.back().push_back(rng.below(4) == 0 ? 0.0 : rng.uniform()); // some are there already
            }
        }
        constexpr double money = 1.0;
        auto const spending = [&](std::size_t list, Share const& share) {
            return prices[list][share.choice];
        };
        std::map<std::vector<std::size_t>, int> seen;
        for (auto const& set : shared_out(money, lists, spending)) {
            visit_combinations(1.0, set, 1e9, 100'000, [&](double, std::span<std::size_t const> chosen) {
                ++seen[{chosen.begin(), chosen.end()}];
                double cost = 0.0;
                for (std::size_t list = 0; list < chosen.size(); ++list) {
                    cost += prices[list][chosen[list]];
                }
                CHECK(cost <= money * (1.0 + static_cast<double>(lists.size() - 1) / 8.0) + 1e-12);
                over += cost > money ? 1 : 0;
            });
        }
        std::vector<std::size_t> one(lists.size(), 0);
        for (bool more = true; more;) {
            double cost = 0.0;
            for (std::size_t list = 0; list < lists.size(); ++list) {
                cost += prices[list][one[list]];
            }
            if (cost <= money) {
                CHECK(seen[one] == 1);
            }
            CHECK(seen[one] <= 1);
            more = false;
            for (std::size_t list = 0; list < lists.size() && !more; ++list) {
                more = ++one[list] < lists[list].size();
                one[list] = more ? one[list] : 0;
            }
        }
    }
    CHECK(over > 0); // bands are wider than a coin: what is over is refused later
}

TEST_CASE("more combinations than a number holds are as many as it holds", "[planner]") {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    std::vector<std::vector<Share>> const lists(5, std::vector<Share>(10'000, Share{1.0, 0.0, 0}));
    CHECK(combinations_of({lists[0], lists[1]}) == 100'000'000);
    CHECK(combinations_of(lists) == most);
    CHECK(combinations_of({lists[0], {}}) == 0);
    CHECK(sum_of(most - 1, 1) == most);
    CHECK(sum_of(most, 7) == most);
    auto const visited =
        visit_combinations(64.0, lists, 100.0, 3, [](double, std::span<std::size_t const>) {});
    CHECK(visited.visited == 3);
    CHECK(visited.all == most);
    Collector to{{Objective{{1.0}, 0.0}}, {}, 1};
    to.drop(most, 1.0);
    to.refuse(most);
    CHECK(to.counts().considered == most);
}

TEST_CASE("what is left of a set counts as over the limits where it costs too much", "[planner]") {
    Limits limits;
    limits.cost = 10.0;
    limits.rate_per_chip = {1.0};
    Collector to{{Objective{{1.0}, 0.0}}, limits, 4};
    to.drop(5, 10.0 / 3.0, 3.0); // 10 or more
    CHECK(to.counts().over_limits == 5);
    CHECK(to.least_dropped(0, 0) == std::numeric_limits<double>::infinity());
    to.drop(7, 2.0, 3.0); // one may cost 6
    CHECK(to.counts().slower == 7);
    CHECK(to.least_dropped(0, 0) == 2.0);
    to.drop(1, 100.0); // nothing is known of the rate
    CHECK(to.counts().slower == 8);
}

TEST_CASE("sets that a bill made look at no more combinations together than one group may", "[planner]") {
    std::size_t const sets = 5000; // each by itself might have a thousand
    Lists const set{.shares = {}, .rate = 1.0, .least = 1.0};
    CombinationsOfSets count{sets};
    std::int64_t all = 0, first = 0;
    for (std::size_t i = 0; i < sets; ++i) {
        auto const of = count.of(set);
        first = i == 0 ? of : first;
        all += of;
        count.done(set, of);
    }
    CHECK(first == 1000);
    CHECK(all == most_combinations);
    CombinationsOfSets few{2};
    few.done(set, 10); // the first needs hardly any
    CHECK(few.of(set) == most_combinations - 10);
    CHECK(few.of({.shares = {}}) == most_combinations); // no bill cut it
}

TEST_CASE("pools share the money that goes out", "[planner]") {
    Outlay const outlay{.money = 100.0, .owned = {8, 0}, .price = {3.0, 2.0}, .running = {0.5, 0.25}};
    CHECK(outlay.purchase(0, 8) == 0.0);
    CHECK(outlay.purchase(0, 16) == Approx(24.0)); // 8 more than there are, at 3
    // 24 + 16 x 2 + 2 s x (16 x 0.5 + 16 x 0.25) = 80
    CHECK(outlay.of(2.0, {16, 16}) == Approx(80.0));
    Limits limits;
    limits.outlay = outlay;
    CHECK(limits.allow(2.0, {16, 16}));
    CHECK_FALSE(limits.allow(4.0, {16, 16})); // 104: the power
    CHECK_FALSE(limits.allow(2.0, {16, 32})); // 120: each alone would be within it
    CHECK((limits.allow(2.0, {16, 0}) && limits.allow(2.0, {0, 32})));
}
