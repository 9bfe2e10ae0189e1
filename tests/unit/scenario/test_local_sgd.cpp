#include "scenario/run_scenario.hpp"

#include "apart.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::scenario;

namespace {

std::string const data = MOESAIC_SOURCE_DIR;

results::Run run(std::vector<std::string> const& settings) {
    std::vector<io::TomlOverride> with;
    std::ranges::transform(settings, std::back_inserter(with), io::parse_override);
    return run_scenario(read_scenario(data + "/scenarios/tutorial/09-local-sgd.toml", with, data), data, {});
}

} // namespace

TEST_CASE("the mean step has its share of a meeting", "[scenario]") {
    auto const mean = run({});
    auto const& m = mean.meetings.value();
    CHECK(m.with > m.without);
    CHECK(mean.metrics->step.value() == Approx((99 * m.without.value() + m.with.value()) / 100));
    Seconds path;
    for (auto const& part : mean.timeline.path) {
        path += part.time;
    }
    CHECK(path.value() == Approx(mean.metrics->step.value()));
    // Ling-Lite's parameters, 4 bytes each, a 64th on each chip, once each way over 12.5 GB/s that all share
    auto const all = static_cast<double>(m.bytes.value()) * 64;
    CHECK(m.with.value() - m.without.value() >= all / 12.5e9);
    CHECK(m.hidden() < 0.05);
}

TEST_CASE("EDiT hides of a meeting what the first forward has room for", "[scenario]") {
    // 1 GB of each chip over its NIC of 50 GB/s takes some 40 ms; the first forward of a step of 2.8 s with 12 micro-batches 80 ms
    std::vector<std::string> settings{"site_links[0].bandwidth=\"3200 GB/s\"",
                                      "site_links[0].latency=\"20 us\""};
    auto const diloco = test::apart([&] { return run(settings).meetings->with.value(); }).result;
    settings.emplace_back("parallel.local_sgd.method=\"edit\"");
    auto const edit = run(settings);
    CHECK(edit.meetings->with.value() < diloco);
    CHECK(edit.meetings->hidden() > 0.3);
}

TEST_CASE("workers that meet after a time do not wait for the slowest one", "[scenario]") {
    // one micro-batch split that no pool is made for
    std::vector<std::string> const uneven{"parallel.replica_kinds[0].micro_batches=8",
                                          "parallel.replica_kinds[1].micro_batches=8"};
    auto const by_steps = test::apart([&] { return run(uneven).metrics->step.value(); }).result;
    auto timed = uneven;
    timed.emplace_back("parallel.local_sgd.time_based=true");
    auto const by_time = run(timed);
    CHECK(by_time.metrics->step.value() < 0.9 * by_steps);
}
