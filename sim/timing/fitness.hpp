#pragma once
#include "timing/store.hpp"

namespace moesaic::timing {

/// How little a series suits a kernel of a training run: the least is taken. Weights out of the cache, the common
/// options and many shapes suit best. none where it must not stand for it at all.
[[nodiscard]] std::optional<double> misfit(StoredSeries const& have, Kernel const& want);

/// Spread of ln(time) between what the series holds and what is asked for where they differ in the mask, the window or the
/// gate; 0 where they do not.
[[nodiscard]] double unlike_form_sigma(StoredSeries const& have, Kernel const& want);

/// Spread of ln(time) between kernels of two formats that run on the same units at the same rate: 0 for one and the
/// same, none where the one must not stand for the other.
[[nodiscard]] std::optional<double> stand_in_sigma(std::string_view dtype, std::string_view other);

} // namespace moesaic::timing
