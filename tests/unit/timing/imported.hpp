#pragma once
#include "temporary_file.hpp"
#include "timing/kernel_import.hpp"

#include <algorithm>

namespace moesaic::timing {

using File = TemporaryText;

inline KernelRules rules_of(std::string const& text) {
    KernelRules rules;
    rules.read(io::parse_toml(text, "rules.toml"));
    return rules;
}

inline KernelRules shipped_rules() {
    KernelRules rules;
    rules.read(MOESAIC_SOURCE_DIR "/platforms/timings/kernel_rules/general.toml");
    return rules;
}

inline ImportResult import(KernelRules const& rules, void (*read)(std::string const&, TakeKernel const&),
                           std::string const& path) {
    KernelImport import{rules};
    read(path, [&](TracedKernel const& kernel) { import.add(kernel); });
    return import.finish();
}

inline ImportedRow const* row_of(ImportResult const& result, std::string_view op) {
    auto const at =
        std::ranges::find_if(result.rows, [&](auto const& r) { return table_op(r.kernel.op).name == op; });
    return at == result.rows.end() ? nullptr : &*at;
}

inline TracedKernel kernel(std::string name, double microseconds, double launched = 0,
                           std::string phase = {}) {
    TracedKernel out;
    out.name = std::move(name);
    out.time = Seconds{microseconds * 1e-6};
    out.launched = out.start = launched * 1e-6;
    out.phase = std::move(phase);
    return out;
}

} // namespace moesaic::timing
