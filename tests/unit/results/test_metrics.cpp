#include "results/run.hpp"
#include "unit/hardware/clusters_for_tests.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic;
using namespace moesaic::results;

namespace {

engine::PathKey key(std::string name, double sigma_seconds) {
    return {.key = std::move(name), .time = Seconds{0.1}, .time_weighted_sigma = sigma_seconds};
}

/// Two pools of 8 chips: 100 TFLOP/s in bf16, and 50 in fp16 with no bf16.
hardware::Topology two_pools() {
    auto fast = hardware::cluster_of({.nodes = 1}), slow = hardware::cluster_of({.nodes = 1});
    fast.node.chip.peak[Dtype::bf16] = hardware::assumed(FlopPerSecond{100e12});
    slow.node.chip.peak[Dtype::fp16] = hardware::assumed(FlopPerSecond{50e12});
    return hardware::Topology{
        {{fast, 8}, {slow, 8}},
        {{.pool_a = 0, .pool_b = 1, .bandwidth = BytesPerSecond{1e9}, .latency = Seconds{1e-3}}}};
}

parallel::Program program_on_both() {
    parallel::Program program;
    program.tokens = Tokens{1e6};
    program.model_flop = Flop{600e12};
    program.hardware_flop = Flop{800e12};
    program.chips = 12;
    program.classes.resize(2);
    program.classes[0].pool = PoolId{0};
    program.classes[0].members = {ChipIndex{0}, 1, 8};
    program.classes[1].pool = PoolId{1};
    program.classes[1].members = {ChipIndex{8}, 1, 4}; // half of the pool
    return program;
}

} // namespace

TEST_CASE("errors of one key add up, those of unlike keys in squares", "[results]") {
    engine::Timeline timeline{.step = Seconds{2.0}};
    // gemm: 0.02 + 0.04 = 0.06 s; attention 0.08 s; together sqrt(0.06^2 + 0.08^2) = 0.1 s of 2 s
    timeline.path_keys = {key("h100 gemm bf16", 0.02), key("h100 attention bf16", 0.08),
                          key("h100 gemm bf16", 0.04)};
    CHECK(step_sigma(timeline) == Approx(0.05));
    timeline.path_keys.clear();
    CHECK(step_sigma(timeline) == 0.0);
}

TEST_CASE("an 80 % interval of a log-normal time is a factor on either side", "[results]") {
    auto const interval = interval_80(Seconds{10.0}, 0.1);
    CHECK(interval.low.value() == Approx(10.0 * std::exp(-0.12816)).epsilon(1e-5));
    CHECK(interval.high.value() == Approx(10.0 * std::exp(0.12816)).epsilon(1e-5));
    CHECK(interval.low.value() * interval.high.value() == Approx(100.0)); // the median is the value said
}

TEST_CASE("MFU is taken over the peaks of the chips that are used", "[results]") {
    auto const topology = two_pools();
    engine::Timeline timeline{.step = Seconds{2.0}};
    timeline.path_by_evidence = {Seconds{1.0}, Seconds{0.5}, Seconds{0.0}, Seconds{0.5}};
    auto const metrics = metrics_of(program_on_both(), timeline, topology);
    // 8 x 100 + 4 x 50 = 1000 TFLOP/s; 600 TFLOP in 2 s = 300 TFLOP/s
    CHECK(metrics.mfu == Approx(0.3));
    CHECK(metrics.hfu == Approx(0.4));
    CHECK(metrics.tokens_per_s == Approx(5e5));
    CHECK(metrics.chips == 12);
    // 1e12 tokens / 5e5 per second = 2e6 s = 555.6 h, on 12 chips
    CHECK(metrics.chip_hours_per_trillion_tokens == Approx(2e6 / 3600 * 12));
    CHECK(metrics.time_by_evidence == std::array<double, 4>{0.5, 0.25, 0.0, 0.25});
}
