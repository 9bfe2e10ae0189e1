#pragma once
#include "timing/store.hpp"

namespace moesaic::timing {

/// How little a series suits a kernel of a training run: the least is taken. Weights out of the cache, the common
/// options and many shapes suit best. none where it must not stand for it at all.
[[nodiscard]] std::optional<double> misfit(StoredSeries const& have, Kernel const& want);

/// The formats whose timings may stand for this one, itself first: bf16 and fp16 run on the same units at the
/// same rate on every chip listed.
[[nodiscard]] std::vector<std::string> comparable_dtypes(std::string const& dtype);

} // namespace moesaic::timing
