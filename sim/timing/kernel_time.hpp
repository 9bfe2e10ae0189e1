#pragma once
#include "timing/evidence.hpp"
#include "timing/store.hpp"

#include <optional>
#include <string>

namespace moesaic::timing {

/// A time with the reason for it.
struct KernelTime {
    Duration duration;
    std::string source; ///< "aiconfigurator, A100-SXM4-80GB, vllm"
};

/// From the chip's own measurements. none where there are none that compare.
[[nodiscard]] std::optional<KernelTime> own_time(TimingStore const& store, hardware::Chip const& chip,
                                                 Kernel const& kernel);
/// From the curve of the nearest other chip that has one. none where no chip has.
[[nodiscard]] std::optional<KernelTime> borrowed_time(TimingStore const& store, hardware::Chip const& chip,
                                                      Kernel const& kernel);
/// Roofline with a stated efficiency and a launch time.
/// @throws InputError where a figure of the chip that is needed is unknown
[[nodiscard]] KernelTime analytic_time(hardware::Chip const& chip, Kernel const& kernel);
/// The best of the three.
[[nodiscard]] KernelTime kernel_time(TimingStore const& store, hardware::Chip const& chip,
                                     Kernel const& kernel);
/// Any operation and pass: parts that are measured apart are added up.
[[nodiscard]] Duration operation_time(TimingStore const& store, hardware::Chip const& chip,
                                      model::Operation const& op);

} // namespace moesaic::timing
