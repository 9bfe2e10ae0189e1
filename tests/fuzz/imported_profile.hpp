#pragma once
#include "fuzz_target.hpp"
#include "timing/kernel_import.hpp"

#include <cmath>

namespace moesaic::fuzz {

/// With the shipped rules, as `moesaic timings import` does; what comes out is counted once each.
inline void import_profile(std::string_view input,
                           void (*read)(std::string const&, timing::TakeKernel const&),
                           std::string const& ending) {
    static timing::KernelRules const rules = [] {
        timing::KernelRules out;
        out.read(MOESAIC_SOURCE_DIR "/platforms/timings/kernel_rules/general.toml");
        return out;
    }();
    InputFile const file{input, ending};
    timing::KernelImport importer{rules};
    read(file.path(), [&](timing::TracedKernel const& kernel) { importer.add(kernel); });
    auto const result = importer.finish();
    expects(result.mapped_calls >= 0 && result.mapped_calls <= result.calls, "calls are counted once");
    for (auto const& row : result.rows) {
        expects(std::isfinite(row.time.value()) && row.time.value() >= 0.0, "a row's time is one");
        expects(row.kernel.m > 0 && row.kernel.n >= 0 && row.kernel.k >= 0 && row.kernel.batch > 0,
                "a row's shape is one");
    }
}

} // namespace moesaic::fuzz
