#include "export_control/processing_performance.hpp"

#include "io/unit_text.hpp"

#include <fmt/format.h>

namespace moesaic::export_control {

namespace {

/// none for formats that do not count
std::optional<int> bits_of(Dtype dtype) {
    switch (dtype) {
    case Dtype::fp64:
        return 64;
    case Dtype::fp32:
        return 32;
    case Dtype::tf32:
        return std::nullopt;
    case Dtype::bf16:
    case Dtype::fp16:
        return 16;
    case Dtype::fp8:
    case Dtype::fp8_block:
    case Dtype::int8:
    case Dtype::mxfp8:
        return 8;
    case Dtype::mxfp4:
    case Dtype::nvfp4:
        return 4;
    }
    return std::nullopt;
}

} // namespace

std::optional<ProcessingPerformance> compute_tpp(hardware::Chip const& chip) {
    std::optional<ProcessingPerformance> best;
    for (auto const& [dtype, peak] : chip.peak) {
        if (auto const bits = bits_of(dtype)) {
            auto const tpp = peak.value.value() / 1e12 * *bits;
            if (!best || tpp > best->tpp) {
                best = {tpp, dtype, peak.value, peak.confidence == hardware::Confidence::estimate};
            }
        }
    }
    return best;
}

std::optional<double> compute_performance_density(hardware::Chip const& chip, double tpp) {
    auto const& area = chip.applicable_die_area_mm2;
    return area && area->value > 0 ? std::optional{tpp / area->value} : std::nullopt;
}

std::string text_of(ProcessingPerformance const& p) {
    return fmt::format("computed: {} {} x {} bits", name_of(p.dtype), io::text_of(p.peak), *bits_of(p.dtype));
}

} // namespace moesaic::export_control
