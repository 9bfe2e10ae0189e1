#pragma once
#include "base/ids.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <vector>

namespace moesaic::engine {

/// A chip whose kernels take `slowdown` times as long.
struct Straggler {
    ChipIndex chip;
    double slowdown = 1.0;
};

/// A link with `factor` of its bandwidth from one moment to another; no end = to the end of the step.
struct SlowLink {
    LinkId link;
    double factor = 1.0;
    Seconds from;
    Seconds until = Seconds{-1.0};
};

/// What goes wrong in the step.
struct Perturbations {
    std::vector<Straggler> stragglers;
    std::vector<SlowLink> slow_links;
    /// Spread of ln(time) of every stretch of kernels without communication in between, drawn anew each time. Ranks
    /// that are simulated as one draw as one: for independent draws simulate every rank.
    double jitter_sigma = 0.0;
    std::uint64_t seed = 1;
};

} // namespace moesaic::engine
