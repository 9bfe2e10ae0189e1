#include "model/token_spread.hpp"

#include "base/random.hpp"
#include "unit/model/models.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <set>

using namespace moesaic;
using namespace moesaic::model;

namespace {

/// Mean nodes of tokens whose router has random scores: it takes the groups with the best experts (sum of the best
/// topk / groups_per_token), then the best experts in them (DeepSeek-V3, section 2.1.2).
double drawn_nodes(TokenSpread const& moe, int nodes, int tokens) {
    Rng rng{3, "scores"};
    auto const experts = static_cast<std::size_t>(moe.experts), groups = static_cast<std::size_t>(moe.groups);
    auto const size = experts / groups;
    std::size_t reached = 0;
    for (int t = 0; t < tokens; ++t) {
        std::vector<std::pair<double, std::size_t>> by_group, candidates;
        std::vector<double> scores(experts);
        std::ranges::generate(scores, [&] { return rng.uniform(); });
        for (std::size_t g = 0; g < groups; ++g) {
            std::vector<double> own(scores.begin() + static_cast<std::ptrdiff_t>(g * size),
                                    scores.begin() + static_cast<std::ptrdiff_t>((g + 1) * size));
            std::ranges::sort(own, std::greater{});
            by_group.emplace_back(
                std::accumulate(own.begin(), own.begin() + moe.topk / moe.groups_per_token, 0.0), g);
        }
        std::ranges::sort(by_group, std::greater{});
        for (int g = 0; g < moe.groups_per_token; ++g) {
            for (std::size_t e = 0; e < size; ++e) {
                auto const expert = by_group[static_cast<std::size_t>(g)].second * size + e;
                candidates.emplace_back(scores[expert], expert);
            }
        }
        std::ranges::sort(candidates, std::greater{});
        std::set<std::size_t> seen;
        for (int k = 0; k < moe.topk; ++k) {
            seen.insert(candidates[static_cast<std::size_t>(k)].second * static_cast<std::size_t>(nodes) /
                        experts);
        }
        reached += seen.size();
    }
    return static_cast<double>(reached) / tokens;
}

} // namespace

TEST_CASE("the holders of a token's experts follow from counting", "[model]") {
    TokenSpread const moe{.experts = 4, .topk = 2};
    // 2 of 4 experts over 2 nodes: 6 pairs, 2 of which lie in one node: (2 x 1 + 4 x 2) / 6
    CHECK(distinct_holders(moe, 2) == Approx(10.0 / 6.0));
    CHECK(distinct_holders(moe, 4) == Approx(2.0));
    CHECK(distinct_holders(moe, 1) == Approx(1.0));
}

TEST_CASE("without groups a token goes to as many nodes as its experts lie on", "[model]") {
    auto moe = spread_of(*shipped_model("deepseek_v3").moe);
    moe.groups = moe.groups_per_token = 1;
    // 8 (1 - C(224, 8) / C(256, 8))
    CHECK(nodes_per_token(moe, 8) == Approx(5.2947).epsilon(1e-4));
    CHECK(nodes_per_token(moe, 8) == Approx(drawn_nodes(moe, 8, 2000)).epsilon(0.01));
}

TEST_CASE("node-limited routing sends a token of DeepSeek-V3 to 4 of 8 nodes", "[model]") {
    auto const moe = spread_of(*shipped_model("deepseek_v3").moe);
    CHECK(nodes_per_token(moe, 8) == Approx(4.0));
    CHECK(nodes_per_token(moe, 8) == Approx(drawn_nodes(moe, 8, 2000)).epsilon(0.015));
    // 4 nodes of 2 groups each: all but the ways to miss one, 4 (1 - C(6,4)/C(8,4)) = 4 (1 - 15/70)
    CHECK(nodes_per_token(moe, 4) == Approx(4.0 * (1.0 - 15.0 / 70.0)));
    CHECK(nodes_per_token(moe, 4) == Approx(drawn_nodes(moe, 4, 2000)).epsilon(0.015));
    // more nodes than groups: a group's experts lie on 2 nodes, no more than the experts' own 6.1 nodes of 16
    CHECK(nodes_per_token(moe, 16) == Approx(distinct_holders(moe, 16)));
    CHECK(nodes_per_token(moe, 1) == Approx(1.0));
}

TEST_CASE("groups that cannot hold the experts of a token are an error", "[model]") {
    auto const text = [](std::string const& moe) {
        return "id = \"m\"\n[shape]\nsource = \"s\"\nlayers = 2\nhidden = 64\nvocab = 64\nsequence_length = "
               "64\n"
               "[attention]\nsource = \"s\"\nkind = \"gqa\"\nheads = 4\nkv_heads = 4\nhead_dim = 16\n"
               "[moe]\nsource = \"s\"\nexperts = 8\ntopk = 4\nexpert_ffn = 32\n" +
               moe;
    };
    CHECK(model_of(text("groups = 4\ngroups_per_token = 2\n")).moe->groups == 4);
    CHECK_THROWS_WITH(model_of(text("groups = 4\ngroups_per_token = 1\n")),
                      Catch::Contains("top 4 of 8 experts cannot come from 1 of 4 equal groups"));
    CHECK_THROWS_AS(model_of(text("groups = 3\n")), InputError);
}
