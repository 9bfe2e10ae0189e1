#pragma once
#include "results/run.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesaic::results {

/// The clock of a trace counts whole ones.
[[nodiscard]] std::int64_t nanoseconds(Seconds time);

/// A value over time: what holds from each instant on.
struct Counter {
    std::string name;
    std::string unit;
    std::vector<std::pair<std::int64_t, double>> values; ///< nanoseconds since the step began, ascending
};

/// Rate at which each link is used, in GB/s: of each transfer its mean rate while it is under way.
[[nodiscard]] std::vector<Counter> link_counters(engine::Timeline const& timeline);

/// Memory of each simulated rank in GiB: what stays through the step, and the activations of the micro-batches in
/// flight, each with the same part of the peak. By class and rank.
[[nodiscard]] std::map<std::pair<int, ChipIndex>, Counter> memory_counters(Run const& run);

} // namespace moesaic::results
