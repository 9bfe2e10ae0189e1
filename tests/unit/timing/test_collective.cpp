#include "no_tables.hpp"
#include "timing/collective_cost.hpp"

#include "example_chips.hpp"
#include "timing/algorithm.hpp"
#include "timing/collective_curve.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::timing;
using hardware::Tier;

namespace {

/// 8 ranks of a node: 20 us and 100 GB/s of bus bandwidth.
std::string all_reduce_table(std::string const& chip) {
    std::string out = table_header;
    for (double bytes = 1024; bytes < 3e9; bytes *= 4) {
        auto const us = 20 + 2 * 7.0 / 8 * bytes / 100e9 * 1e6;
        out += fmt::format("{},all_reduce,fp16,{:.0f},0,0,8,nodes=1;kern=nccl_tests,{:.8g},nccl-docs,MIT\n",
                           chip, bytes, us);
    }
    return out;
}

Seconds alone(CollectiveCost const& cost, Bytes bytes) { return cost.startup + bytes / cost.attainable; }

} // namespace

TEST_CASE("bytes that a rank sends follow nccl-tests' sizes", "[timing]") {
    CHECK(rank_bytes_per_byte(CollectiveKind::all_reduce, 8) == Approx(1.75));
    CHECK(rank_bytes_per_byte(CollectiveKind::all_gather, 8) == Approx(0.875));
    CHECK(rank_bytes_per_byte(CollectiveKind::send_recv, 2) == Approx(1.0));
    // a ring over 2 nodes of 8: each rank's NIC carries an eighth of 2 x 15/16
    CHECK(nic_bytes_per_byte(CollectiveKind::all_reduce, 16, 2) == Approx(2 * 15.0 / 16 / 8));
    // of 16 shares a rank keeps 8 inside its node
    CHECK(nic_bytes_per_byte(CollectiveKind::all_to_all, 16, 2) == Approx(0.5));
}

TEST_CASE("a measured time of a collective comes before a grid's, whoever measured it, and a grid's cell is "
          "not measured",
          "[timing]") {
    TimingStore store;
    store.set_expectations(test::expectations());
    auto const x = example_chip("X");
    store.set_reference_chips({x});
    std::string grid{table_header};
    grid.insert(grid.size() - 1, ",measurements,spread");
    grid += "X,all_reduce,fp16,1048576,0,0,8,nodes=1;kern=nccl_tests,38.35,nccl-docs,MIT,3,0.05\n"
            "X,all_reduce,fp16,4194304,0,0,8,nodes=1;kern=nccl_tests,93.4,nccl-docs,MIT,3,0.05\n";
    store.parse(grid, "grid.csv");
    Bytes const sent{1.75 * 1048576};
    CollectiveQuestion const question{CollectiveKind::all_reduce, Tier::node, sent, 8, 1};
    auto const by_grid = collective_cost(store, example_node(x), question);
    CHECK(by_grid.evidence == Evidence::interpolated);
    CHECK(alone(by_grid, sent).value() == Approx(38.35e-6).epsilon(1e-3));
    store.parse(std::string{table_header} + "X,all_reduce,fp16,1048576,0,0,8,nodes=1;kern=mine,70,me,mine\n",
                "mine.csv");
    auto const by_row = collective_cost(store, example_node(x), question);
    CHECK(by_row.evidence == Evidence::measured);
    CHECK(alone(by_row, sent).value() == Approx(70e-6).epsilon(1e-3));
}

TEST_CASE("the uncontended formula gives a measured collective back", "[timing]") {
    TimingStore store;
    store.set_expectations(test::expectations());
    auto const x = example_chip("X");
    store.set_reference_chips({x});
    store.parse(all_reduce_table("X"), "t.csv");
    // 1 MiB = 1024 x 4^5: 20 us + 1.75 x 1048576 / 100e9 = 38.35 us
    Bytes const sent{1.75 * 1048576};
    auto const cost =
        collective_cost(store, example_node(x), {CollectiveKind::all_reduce, Tier::node, sent, 8, 1});
    CHECK(cost.evidence == Evidence::measured);
    CHECK(alone(cost, sent).value() == Approx(38.35e-6).epsilon(1e-3));
    // large messages show the rate, small ones the start-up
    Bytes const large{1.75 * 268435456};
    auto const at_large =
        collective_cost(store, example_node(x), {CollectiveKind::all_reduce, Tier::node, large, 8, 1});
    CHECK(at_large.attainable.value() == Approx(100e9).epsilon(0.05));
    Bytes const small{1.75 * 4096};
    auto const at_small =
        collective_cost(store, example_node(x), {CollectiveKind::all_reduce, Tier::node, small, 8, 1});
    CHECK(at_small.startup.value() == Approx(20e-6).epsilon(0.05));
}

TEST_CASE("a chip without curves takes those of a chip of its maker, scaled by the links", "[timing]") {
    TimingStore store;
    store.set_expectations(test::expectations());
    auto const x = example_chip("X");
    auto y = example_chip("Y");
    y.scale_up_bandwidth = fact(BytesPerSecond{100e9}); // half of X's
    store.set_reference_chips({x, y});
    store.parse(all_reduce_table("X"), "t.csv");
    Bytes const large{1.75 * 268435456};
    auto const cost =
        collective_cost(store, example_node(y), {CollectiveKind::all_reduce, Tier::node, large, 8, 1});
    CHECK(cost.evidence == Evidence::transferred);
    CHECK(cost.attainable.value() == Approx(50e9).epsilon(0.05));
    CHECK(cost.sigma >= 0.15);
}

TEST_CASE("at its least size a curve shows the rate that it shows above it", "[timing]") {
    CollectiveCurve const curve{
        .ranks = 8, .bytes = {1e9, 2e9, 4e9}, .seconds = {0.010, 0.020, 0.040}, .chip = "X"};
    auto const cost = [&](double bytes) {
        return split_time(curve, Bytes{bytes}, 1.0, BytesPerSecond{400e9});
    };
    CHECK(cost(1e9).attainable.value() == Approx(100e9));
    CHECK(alone(cost(1e9), Bytes{1e9}).value() == Approx(0.010));
    CHECK(cost(1.2e9).attainable.value() == Approx(100e9).epsilon(0.01));
}

TEST_CASE("half a ring that was not measured has the rate of the whole one", "[timing]") {
    TimingStore store;
    store.set_expectations(test::expectations());
    auto const x = example_chip("X");
    store.set_reference_chips({x});
    store.parse(all_reduce_table("X"), "t.csv");
    Bytes const sent{0.875 * 268435456};
    auto const cost =
        collective_cost(store, example_node(x), {CollectiveKind::all_gather, Tier::node, sent, 8, 1});
    CHECK(cost.evidence == Evidence::transferred);
    CHECK(cost.attainable.value() == Approx(100e9).epsilon(0.05));
}

TEST_CASE("without tables a collective has a published share of its link", "[timing]") {
    TimingStore none;
    none.set_expectations(test::expectations());
    auto const node = example_node(example_chip("X"));
    Bytes const sent{1e9};
    auto const inside = collective_cost(none, node, {CollectiveKind::all_gather, Tier::node, sent, 8, 1});
    auto const outside = collective_cost(none, node, {CollectiveKind::all_gather, Tier::leaf, sent, 64, 8});
    CHECK(inside.evidence == Evidence::analytic);
    CHECK(inside.attainable.value() == Approx(150e9));
    CHECK(outside.attainable.value() == Approx(44e9)); // one NIC of 50 GB/s for each chip
    CHECK(outside.startup > inside.startup);
}

TEST_CASE("more nodes take longer to start", "[timing]") {
    TimingStore none;
    none.set_expectations(test::expectations());
    auto const node = example_node(example_chip("X"));
    for (auto const kind :
         {CollectiveKind::all_reduce, CollectiveKind::all_gather, CollectiveKind::all_to_all}) {
        Seconds before{0};
        for (int nodes : {2, 4, 16, 128}) {
            auto const cost = collective_cost(none, node, {kind, Tier::spine, Bytes{1e6}, 8 * nodes, nodes});
            CHECK(cost.startup > before);
            before = cost.startup;
        }
    }
}

TEST_CASE("a collective of one rank costs nothing", "[timing]") {
    TimingStore none;
    none.set_expectations(test::expectations());
    auto const cost = collective_cost(none, example_node(example_chip("X")),
                                      {CollectiveKind::all_reduce, Tier::node, Bytes{1e6}, 1, 1});
    CHECK(cost.startup.value() == 0);
}

TEST_CASE("time on a curve is log-log between sizes, flat below and at one bandwidth above", "[timing]") {
    CollectiveCurve const curve{
        .ranks = 8, .nodes = 1, .bytes = {1e6, 4e6}, .seconds = {10e-6, 40e-6}, .chip = "X"};
    CHECK(time_on(curve, Bytes{2e6}).time.value() == Approx(20e-6));
    CHECK(time_on(curve, Bytes{1e3}).time.value() == Approx(10e-6));
    CHECK(time_on(curve, Bytes{16e6}).time.value() == Approx(160e-6));
    CHECK(time_on(curve, Bytes{4e6}).measured);
    CHECK(time_on(curve, Bytes{16e6}).sigma > time_on(curve, Bytes{4e6}).sigma);
}

TEST_CASE("a rate that still grows at the largest size is doubted beyond it", "[timing]") {
    CollectiveCurve const full{.ranks = 8, .bytes = {1e9, 2e9}, .seconds = {0.010, 0.020}, .chip = "X"};
    CollectiveCurve const growing{.ranks = 8, .bytes = {1e9, 2e9}, .seconds = {0.010, 0.017}, .chip = "X"};
    CHECK(time_on(full, Bytes{4e9}).sigma < 0.06);
    CHECK(time_on(growing, Bytes{4e9}).sigma > 0.15);
    CHECK(time_on(growing, Bytes{8e9}).sigma > time_on(growing, Bytes{4e9}).sigma);
}

TEST_CASE("sizes that are left out tell how rough a curve is", "[timing]") {
    CollectiveCurve smooth{.ranks = 8,
                           .bytes = {1e6, 2e6, 4e6, 8e6, 16e6, 32e6},
                           .seconds = {1e-5, 2e-5, 4e-5, 8e-5, 16e-5, 32e-5},
                           .chip = "X"};
    auto rough = smooth;
    rough.seconds = {1e-5, 3e-5, 4e-5, 12e-5, 16e-5, 48e-5};
    learn_misses(smooth);
    learn_misses(rough);
    CHECK(time_on(rough, Bytes{3e6}).sigma > 2 * time_on(smooth, Bytes{3e6}).sigma);
}

TEST_CASE("between two measured numbers of ranks lies a time between theirs", "[timing]") {
    TimingStore store;
    store.set_expectations(test::expectations());
    auto const x = example_chip("X");
    store.set_reference_chips({x});
    std::string table{table_header};
    for (auto const& [ranks, us] : {std::pair{2, 100.0}, std::pair{8, 250.0}}) {
        for (double const size : {1.0, 2.0, 4.0}) {
            table += fmt::format("X,all_to_all,fp16,{:.0f},0,0,{},nodes=1,{},me,x\n", 16e6 * size, ranks,
                                 us * size);
        }
    }
    store.parse(table, "t.csv");
    auto const at = [&](int ranks) {
        Bytes const sent{32e6 * (ranks - 1) / ranks};
        auto const cost =
            collective_cost(store, example_node(x), {CollectiveKind::all_to_all, Tier::node, sent, ranks, 1});
        return std::pair{alone(cost, sent).value(), cost.sigma};
    };
    CHECK(at(4).first > at(2).first);
    CHECK(at(4).first < at(8).first);
    CHECK(at(4).second > at(2).second); // half of what the two are apart is doubt
}

TEST_CASE("a size measured twice stands half way between, and their difference is doubt", "[timing]") {
    auto const x = example_chip("X");
    auto const curve = [&](std::string const& second) {
        TimingStore store;
        store.set_reference_chips({x});
        store.parse(std::string{table_header} +
                        "X,all_reduce,fp16,1048576,0,0,8,nodes=1;kern=mine,100,me,mine\n"
                        "X,all_reduce,fp16,1048576,0,0,8,nodes=1;kern=mine," +
                        second + ",me,mine\n",
                    "mine.csv");
        return time_on(curves_of(store, x, CollectiveKind::all_reduce, false).at(0), Bytes{1048576.0});
    };
    CHECK(curve("300").time.value() == Approx(200e-6));
    CHECK(curve("300").sigma > 10 * curve("100").sigma);
}

TEST_CASE("what goes round a ring starts later in proportion to its ranks, until its bytes hide the steps",
          "[timing]") {
    auto const node = example_node(example_chip("X"));
    BytesPerSecond const rate{45e9};
    auto const beyond = [&](int nodes, Bytes sent) {
        return round_nodes(CollectiveKind::all_gather, {8 * nodes, nodes}, node, sent, rate, 2.25);
    };
    CHECK(beyond(256, Bytes{1e3}) / beyond(128, Bytes{1e3}) == Approx(2.0).epsilon(0.02));
    // 32 GiB over 64 nodes take as long as over 8 (B200 of Together: 380 GB/s on both)
    Bytes const large{32.0 * 1073741824.0 / 8.0};
    CHECK((beyond(64, large) - beyond(8, large)) / (large / rate) < 0.01);
}

TEST_CASE("a broadcast cannot hide the way to its last rank behind its bytes", "[timing]") {
    auto const node = example_node(example_chip("X"));
    BytesPerSecond const rate{45e9};
    Bytes const sent{450e6}; // 10 ms
    GroupShape const group{1024, 128};
    auto const broadcast = round_nodes(CollectiveKind::broadcast, group, node, sent, rate, 2.25);
    CHECK(broadcast > 2.0 * round_nodes(CollectiveKind::all_gather, group, node, sent, rate, 2.25));
}
