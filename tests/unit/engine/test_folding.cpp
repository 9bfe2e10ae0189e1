#include "engine/folding.hpp"
#include "engine/simulate.hpp"
#include "engine_cluster.hpp"
#include "no_tables.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::engine;
using namespace moesaic::test;
using Catch::Matchers::WithinRel;
using hardware::Tier;
using parallel::Stream;
using timing::CollectiveKind;

namespace {

/// One class: kernel of 1 ms, all-to-all in pairs of nodes' first chips …: tensor groups of 4, data groups of stride 4.
parallel::Program tensor_and_data(int chips) {
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, chips))};
    program.classes[0].blocks = {
        {"forward",
         parallel::Phase::forward,
         {kernel(1e-3, "up"),
          collective(Stream::tensor, CollectiveKind::all_reduce, 40e6, ranks(0, 1, 4), {0}),
          kernel(1e-3, "down", {1})}},
        {"step end",
         parallel::Phase::step_end,
         {collective(Stream::data, CollectiveKind::all_reduce, 100e6, ranks(0, 4, chips / 4))}}};
    program.classes[0].schedule = {{0, 0, {}, {}}, {0, 1, {}, {}}, {1, 0, {}, {}}};
    return program;
}

Folding fold_of(parallel::Program const& program, hardware::Topology const& topology, Fold how,
                Perturbations const& perturbations = {}) {
    TrafficCache traffic{program, topology};
    return fold({program, topology, traffic}, how, perturbations);
}

} // namespace

TEST_CASE("Ranks that cannot be told apart are one cell", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const folding = fold_of(tensor_and_data(16), topology, Fold::automatic);
    REQUIRE(folding.cells.size() == 1);
    CHECK(folding.cells[0].ranks.size() == 16);
    CHECK(fold_of(tensor_and_data(16), topology, Fold::none).cells.size() == 16);
}

TEST_CASE("A straggler splits a class into itself, its groups and the rest", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    // chip 5: tensor group {4 5 6 7}, data group {1 5 9 13}; apart from them, ranks in neither group
    auto const folding =
        fold_of(tensor_and_data(16), topology, Fold::automatic, {.stragglers = {{ChipIndex{5}, 2.0}}});
    REQUIRE(folding.cells.size() == 4);
    CHECK(folding.of_chip[4] == folding.of_chip[6]);
    CHECK(folding.of_chip[1] == folding.of_chip[9]);
    CHECK(folding.of_chip[0] == folding.of_chip[15]);
    auto const& slow = folding.cells[folding.of_chip[5]];
    CHECK(slow.ranks.size() == 1);
    CHECK(slow.slowdown == 2.0);
}

TEST_CASE("A leaf with fewer ranks is told apart", "[engine]") {
    // 3 nodes, 2 to a leaf: the third has an uplink for 8 chips instead of 16
    auto const topology = topology_of({.nodes = 3, .nodes_per_leaf = 2, .oversubscription = 2.0});
    auto const folding = fold_of(tensor_and_data(24), topology, Fold::automatic);
    REQUIRE(folding.cells.size() == 2);
    CHECK(folding.cells[0].ranks.size() == 16);
    CHECK(folding.cells[1].ranks.size() == 8);
}

TEST_CASE("Receivers of a rank: its share of the other class in order", "[engine]") {
    CHECK(receivers_of(3, ranks(0, 1, 8), ranks(8, 1, 8)).first == 3);
    CHECK(receivers_of(3, ranks(0, 1, 8), ranks(8, 1, 4)).first == 1); // two send to each
    CHECK(receivers_of(3, ranks(0, 1, 8), ranks(8, 1, 4)).count == 1);
    CHECK(receivers_of(3, ranks(0, 1, 4), ranks(8, 1, 8)).first == 6); // each sends to two
    CHECK(receivers_of(3, ranks(0, 1, 4), ranks(8, 1, 8)).count == 2);
}

namespace {

/// 3 ms of the host, then a kernel.
parallel::Program behind_the_host(double kernel_seconds) {
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 8))};
    auto launches = kernel(3e-3, "launches");
    launches.stream = Stream::host;
    program.classes[0].blocks = {
        {"forward", parallel::Phase::forward, {launches, kernel(kernel_seconds, "up", {0})}}};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    return program;
}

} // namespace

TEST_CASE("The host of a slow chip is as fast as the others", "[engine]") {
    auto const topology = topology_of({.nodes = 1});
    timing::Timings const timings;
    auto const timeline = simulate(behind_the_host(1e-3), topology, timings,
                                   {.perturbations = {.stragglers = {{ChipIndex{5}, 2.0}}}});
    // 3 ms of the host, then a kernel that takes twice its 1 ms on the straggler
    CHECK_THAT(timeline.step.value(), WithinRel(5e-3, 1e-9));
}

TEST_CASE("Jitter is of kernels and not of the host", "[engine]") {
    auto const topology = topology_of({.nodes = 1});
    timing::Timings const timings;
    auto const timeline =
        simulate(behind_the_host(0.0), topology, timings, {.perturbations = {.jitter_sigma = 0.5}});
    CHECK_THAT(timeline.step.value(), WithinRel(3e-3, 1e-9));
}

TEST_CASE("The step with a straggler is as by hand", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const timings = test::no_tables();
    auto const timeline = simulate(tensor_and_data(16), topology, timings,
                                   {.perturbations = {.stragglers = {{ChipIndex{5}, 2.0}}}});
    auto const node = cluster_of({}).node;
    // the straggler's tensor group waits for it at each sum; its data groups wait at the end
    auto const sum = alone(timings, node, CollectiveKind::all_reduce, Tier::node, 1.5 * 40e6, {4, 1});
    auto const inside = alone(timings, node, CollectiveKind::all_reduce, Tier::node, 1.5 * 50e6, {2, 1});
    auto const across = alone(timings, node, CollectiveKind::all_reduce, Tier::leaf, 1.5 * 50e6, {4, 2});
    // 4 ranks of stride 4, 2 in each node: 2 x 3/4 x 100 MB, half of them inside
    CHECK_THAT(timeline.step.value(), WithinRel(2 * (2e-3 + sum + 2e-3) + std::max(inside, across), 1e-9));
    CHECK(timeline.cells == 4);
    // the straggler's class is reported by the ranks that the others wait for
    CHECK_THAT(timeline.classes[0].compute.value(), WithinRel(8e-3, 1e-9));
    CHECK_THAT(timeline.path_by_class[0].value(), WithinRel(timeline.step.value(), 1e-9));
}

TEST_CASE("A slow NIC holds up the collectives of its group", "[engine]") {
    Shape const shape{.nodes = 4, .chips = 1, .nics = 1};
    auto const topology = topology_of(shape);
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 4))};
    program.classes[0].blocks = {
        {"step end",
         parallel::Phase::step_end,
         {collective(Stream::data, CollectiveKind::all_gather, 4e9, ranks(0, 1, 4))}}};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    auto const out = topology.route(ChipIndex{2}, ChipIndex{3}).front();
    auto const timeline =
        simulate(program, topology, timings, {.perturbations = {.slow_links = {{out, 0.25, {}}}}});
    // 3/4 x 4 GB at a quarter of 50 GB/s
    auto const cost =
        timings.collective(cluster_of(shape).node, CollectiveKind::all_gather, Tier::leaf, Bytes{3e9}, 4, 4);
    CHECK_THAT(timeline.step.value(), WithinRel(cost.startup.value() + 3e9 / 12.5e9, 1e-6));
}

TEST_CASE("Jitter is drawn from the seed and makes groups wait for their slowest", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const timings = test::no_tables();
    SimulationOptions options{.fold = Fold::none, .sharing = Sharing::none};
    auto const program = tensor_and_data(16);
    auto const even = simulate(program, topology, timings, options).step;
    options.perturbations = {.jitter_sigma = 0.1, .seed = 7};
    auto const uneven = simulate(program, topology, timings, options).step;
    CHECK(uneven == simulate(program, topology, timings, options).step);
    options.perturbations.seed = 8;
    CHECK(uneven != simulate(program, topology, timings, options).step);
    // four kernels of 1 ms; the slowest of 4 or 16 at sigma 0.1 is some 10 to 20 % above the mean
    CHECK((uneven - even).value() > 0.2e-3);
    CHECK((uneven - even).value() < 1.5e-3);
}

TEST_CASE("Compute beside communication slows down by the share of the chip that it takes", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 16))};
    auto dispatch = collective(Stream::expert, CollectiveKind::all_to_all, 16e6, ranks(0, 1, 16));
    std::get<parallel::Collective>(dispatch.work).chip_share = 0.2;
    program.classes[0].blocks = {{"forward", parallel::Phase::forward, {kernel(10e-3, "up"), dispatch}}};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    auto const node = cluster_of({}).node;
    auto const t = std::max(alone(timings, node, CollectiveKind::all_to_all, Tier::node, 7e6, {8, 1}),
                            alone(timings, node, CollectiveKind::all_to_all, Tier::leaf, 8e6, {16, 2}));
    // t at 80 % of the speed, the rest alone: 10 ms + 0.2 t
    auto const timeline = simulate(program, topology, timings);
    REQUIRE(t < 10e-3);
    CHECK_THAT(timeline.step.value(), WithinRel(10e-3 + 0.2 * t, 1e-9));
    CHECK_THAT(timeline.classes[0].compute.value(), WithinRel(timeline.step.value(), 1e-9));
}

TEST_CASE("Of collectives at the same time each takes its share of what the others leave", "[engine]") {
    auto const topology = topology_of({.nodes = 2});
    auto const timings = test::no_tables();
    parallel::Program program;
    program.classes = {class_of("all", ranks(0, 1, 16))};
    std::vector<parallel::BlockOp> ops{kernel(10e-3, "up")};
    for (auto const stream : {Stream::expert, Stream::data}) {
        ops.push_back(collective(stream, CollectiveKind::all_to_all, 16e6, ranks(0, 1, 16)));
        std::get<parallel::Collective>(ops.back().work).chip_share = 0.6; // more than the chip together
    }
    program.classes[0].blocks = {{"forward", parallel::Phase::forward, ops}};
    program.classes[0].schedule = {{0, 0, {}, {}}};
    auto const node = cluster_of({}).node;
    auto const t = std::max(alone(timings, node, CollectiveKind::all_to_all, Tier::node, 7e6, {8, 1}),
                            alone(timings, node, CollectiveKind::all_to_all, Tier::leaf, 8e6, {16, 2}));
    auto const timeline = simulate(program, topology, timings, {.sharing = Sharing::none});
    // t at 0.4 x 0.4 of the speed, the rest alone
    CHECK_THAT(timeline.step.value(), WithinRel(10e-3 + (1.0 - 0.16) * t, 1e-9));
}
