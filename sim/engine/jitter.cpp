#include "engine/jitter.hpp"

#include <cmath>
#include <numbers>

namespace moesaic::engine {

namespace {

/// SplitMix64's finaliser.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/// Uniform in (0, 1].
double uniform(std::uint64_t x) { return (static_cast<double>(x >> 11) + 1.0) * 0x1p-53; }

} // namespace

double jitter(std::uint64_t seed, double sigma, KernelRun const& run) {
    auto const rank = mix(seed ^ mix(static_cast<std::uint64_t>(run.rank)));
    auto const first =
        mix(rank ^ mix((static_cast<std::uint64_t>(run.item) << 32) + static_cast<unsigned>(run.unit)));
    // Box and Muller
    auto const radius = std::sqrt(-2.0 * std::log(uniform(first)));
    return std::exp(sigma * radius * std::cos(2.0 * std::numbers::pi * uniform(mix(first))));
}

} // namespace moesaic::engine
