#include "no_tables.hpp"
#include "timing/token_exchange.hpp"

#include "example_chips.hpp"
#include "model/token_spread.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::timing;
using hardware::Tier;

namespace {

constexpr int hidden = 4096, topk = 8, experts = 64, ranks = 8;

/// A rank sends this much of its tokens over the links of its node in 16 bit.
double sent_bytes(std::int64_t tokens) {
    auto const reached = model::distinct_holders({.experts = experts, .topk = topk}, ranks);
    return static_cast<double>(tokens) * hidden * 2.0 * reached * (ranks - 1.0) / ranks;
}

/// 30 us and a rate.
std::string rows(std::string const& chip, std::string const& op, std::string const& library, double rate) {
    std::string out = table_header;
    for (std::int64_t tokens = 1; tokens <= 65536; tokens *= 2) {
        out += fmt::format(
            "{},{},bf16,{},{},{},{},experts={};nodes=1;sms=20;kern={},{:.8g},aiconfigurator,MIT\n", chip, op,
            tokens, hidden, topk, ranks, experts, library, 30 + sent_bytes(tokens) / rate * 1e6);
    }
    return out;
}

CollectiveQuestion question(bool sums, std::string library = {}, int nodes = 1) {
    auto const tier = nodes > 1 ? Tier::leaf : Tier::node;
    TokenExchange const tokens{.sums = sums,
                               .format = Dtype::bf16,
                               .tokens = 4096,
                               .hidden = hidden,
                               .topk = topk,
                               .experts = experts,
                               .library = std::move(library)};
    return {CollectiveKind::all_to_all, tier, Bytes{sent_bytes(4096)}, ranks * nodes, nodes, tokens};
}

/// Of other columns, tokens costing as much as some bytes beside their own.
std::string rows_of_columns(std::string const& library, std::vector<int> const& columns) {
    std::string out = table_header;
    for (int const n : columns) {
        for (std::int64_t tokens = 1024; tokens <= 32768; tokens *= 2) {
            double const reached = model::distinct_holders({.experts = experts, .topk = topk}, ranks);
            double const bytes = static_cast<double>(tokens) * reached * (2.0 * n + 2700);
            out += fmt::format("X,ep_dispatch,bf16,{},{},{},{},experts={};nodes=1;sms=20;kern={},{:.8g},"
                               "aiconfigurator,MIT\n",
                               tokens, n, topk, ranks, experts, library, bytes / 4e11 * 1e6);
        }
    }
    return out;
}

struct Tables {
    TimingStore store;
    hardware::Chip x = example_chip("X");
    Tables(std::vector<std::string> const& tables, std::vector<hardware::Chip> others = {}) {
        others.push_back(x);
        store.set_expectations(test::expectations());
        store.set_reference_chips(std::move(others));
        for (auto const& table : tables) {
            store.parse(table, "t.csv");
        }
    }
    [[nodiscard]] std::optional<CollectiveCost> ask(hardware::Chip const& chip,
                                                    CollectiveQuestion const& q) const {
        Estimator const estimator{store};
        return exchange_cost(estimator, example_node(chip), q);
    }
};

} // namespace

TEST_CASE("an exchange of tokens that was measured has its start-up and rate back", "[timing]") {
    Tables const t{
        {rows("X", "ep_dispatch", "deepep_normal", 80e9), rows("X", "ep_combine", "deepep_normal", 60e9)}};
    auto const out = t.ask(t.x, question(false)), back = t.ask(t.x, question(true));
    REQUIRE(out);
    REQUIRE(back);
    CHECK(out->evidence == Evidence::measured);
    CHECK(out->attainable.value() == Approx(80e9).epsilon(0.02));
    CHECK(out->startup.value() == Approx(30e-6).epsilon(0.1));
    CHECK(back->attainable.value() == Approx(60e9).epsilon(0.02));
}

TEST_CASE("the way back stands in for the way out, with its doubt", "[timing]") {
    Tables const t{{rows("X", "ep_combine", "deepep_normal", 60e9)}};
    auto const out = t.ask(t.x, question(false)), back = t.ask(t.x, question(true));
    REQUIRE(out);
    CHECK(out->attainable.value() == Approx(back->attainable.value()));
    CHECK(out->sigma > back->sigma + 0.1);
}

TEST_CASE("a plan that names a library gets that one's kernels, never those of low latency", "[timing]") {
    Tables const t{{rows("X", "ep_dispatch", "deepep_normal", 80e9),
                    rows("X", "ep_dispatch", "hybridep", 120e9),
                    rows("X", "ep_dispatch", "deepep_ll", 200e9)}};
    CHECK(t.ask(t.x, question(false, "deepep"))->attainable.value() == Approx(80e9).epsilon(0.02));
    CHECK(t.ask(t.x, question(false, "hybridep"))->attainable.value() == Approx(120e9).epsilon(0.02));
    CHECK(t.ask(t.x, question(false))->attainable.value() ==
          Approx(120e9).epsilon(0.02)); // of any: the faster
    CHECK_FALSE(t.ask(t.x, question(false, "mori")));
}

TEST_CASE("a library that was timed at one number of columns sends shorter tokens more slowly, as others do",
          "[timing]") {
    Tables const t{{rows_of_columns("hybridep", {8192})}};
    auto const rate = [&](int columns) {
        auto q = question(false, "hybridep");
        q.tokens->hidden = columns;
        auto const cost = t.ask(t.x, q);
        REQUIRE(cost);
        return cost->attainable.value();
    };
    // a token of 1,024 columns costs 2,048 + 2,700 bytes instead of its 2,048
    CHECK(rate(1024) / rate(8192) ==
          Approx(2048.0 / (2048 + 2700) / (16384.0 / (16384 + 2700))).epsilon(0.1));
    CHECK(rate(2048) > rate(1024));
}

TEST_CASE("rows of one node say nothing of several", "[timing]") {
    Tables const t{{rows("X", "ep_dispatch", "deepep_normal", 80e9)}};
    CHECK_FALSE(t.ask(t.x, question(false, {}, 2)));
}

TEST_CASE(
    "a chip without rows has its maker's kernels: a slower link costs its share, a faster one brings nothing",
    "[timing]") {
    auto slow = example_chip("Slow"), fast = example_chip("Fast"), foreign = example_chip("Foreign", "Other");
    slow.scale_up_bandwidth = fact(BytesPerSecond{100e9});
    fast.scale_up_bandwidth = fact(BytesPerSecond{400e9});
    Tables const t{{rows("X", "ep_dispatch", "deepep_normal", 80e9)}, {slow, fast, foreign}};
    auto const of_slow = t.ask(slow, question(false)), of_fast = t.ask(fast, question(false));
    REQUIRE(of_slow);
    REQUIRE(of_fast);
    CHECK(of_slow->evidence == Evidence::transferred);
    CHECK(of_slow->attainable.value() == Approx(40e9).epsilon(0.02));
    CHECK(of_fast->attainable.value() == Approx(80e9).epsilon(0.02));
    CHECK(of_fast->sigma >= 0.2);
    CHECK_FALSE(t.ask(foreign, question(false)));
}
