#include "engine/jitter.hpp"

#include "base/normal.hpp"
#include "base/random.hpp"

namespace moesaic::engine {

namespace {

/// Uniform in (0, 1].
double uniform(std::uint64_t x) { return (static_cast<double>(x >> 11) + 1.0) * 0x1p-53; }

} // namespace

double jitter(std::uint64_t seed, double sigma, KernelRun const& run) {
    auto const rank = split_mix(seed ^ split_mix(static_cast<std::uint64_t>(run.rank)));
    auto const first = split_mix(
        rank ^ split_mix((static_cast<std::uint64_t>(run.item) << 32) + static_cast<unsigned>(run.unit)));
    return log_normal_factor(sigma, uniform(first), uniform(split_mix(first)));
}

} // namespace moesaic::engine
