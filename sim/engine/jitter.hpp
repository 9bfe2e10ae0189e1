#pragma once
#include <cstdint>

namespace moesaic::engine {

/// One run of one kernel.
struct KernelRun {
    std::int64_t rank = 0;
    int item = 0;
    int unit = 0;
};

/// A factor on the kernel's time whose logarithm is normal with mean 0: a pure function of its arguments.
[[nodiscard]] double jitter(std::uint64_t seed, double sigma, KernelRun const& run);

} // namespace moesaic::engine
