#pragma once
#include "parallel/plan.hpp"
#include "parallel/program.hpp"

#include <cstdint>

namespace moesaic::parallel {

/// Chips of one kind are not alike: dies and cooling differ, and what runs near the power limit runs at a clock of its own. A
/// synchronous step goes at the pace of the slowest, and the more there are, the slower that one is.
///
/// Time of such kernels on the slowest of so many chips over the mean, expected where chips are normally distributed
/// (Blom 1958: the quantile at (n - 3/8) / (n + 1/4)); what acceptance tests would turn away is not in service (NVIDIA DCGM's
/// targeted_stress: 5 %).
/// @param spread relative standard deviation from chip to chip, hardware::Chip::speed_spread
[[nodiscard]] double slowest_of(double spread, std::int64_t chips);

/// Chips of a pool that the plan trains on.
[[nodiscard]] std::int64_t chips_on(Plan const& plan, PoolId pool);

/// Stretches those kernels of the class that the power limit slows: products, and attention unless its software's own
/// kernels are what holds it back.
void slow_down(RankClass& rank_class, double factor);

} // namespace moesaic::parallel
