#pragma once
#include "hardware/chip.hpp"

#include <optional>
#include <string>

namespace moesaic::export_control {

/// Total processing performance as BIS defines it (88 FR 73458, note 2 to 3A090): 2 x MacTOPS x bit length,
/// dense, the largest over the formats. The peaks count a multiply-accumulate as two operations, so it is
/// TOPS x bits; TF32 is left out.
struct ProcessingPerformance {
    double tpp;
    Dtype dtype; ///< the format that gives it
    FlopPerSecond peak;
    bool estimated; ///< the peak is an estimate of the catalogue, so that this is one too
};

/// none where the chip has no peak (but TF32)
[[nodiscard]] std::optional<ProcessingPerformance> compute_tpp(hardware::Chip const& chip);
/// TPP per mm2 of the applicable die area; none where the area is not known.
[[nodiscard]] std::optional<double> compute_performance_density(hardware::Chip const& chip, double tpp);
/// "computed: int8 296 TFLOP/s x 8 bits"
[[nodiscard]] std::string text_of(ProcessingPerformance const& performance);

} // namespace moesaic::export_control
