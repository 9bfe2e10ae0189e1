#include "timing/kernel_time.hpp"

#include <fmt/format.h>
#include <optional>

namespace moesaic::timing {

namespace {

/// What large kernels reach on the chips that were measured (public collection, fit_report section 1): 16-bit products
/// 0.45 (MI300X) to 0.86 (910B2) of the peak, most at 0.7; 8-bit ones 0.32 to 0.62; attention 0.35 to 0.7.
double compute_share(Kernel const& kernel) {
    auto const dtype = find_dtype(kernel.dtype);
    bool const narrow = dtype && bytes_per_element(*dtype) < 2;
    switch (table_op(kernel.op).family) {
    case Family::moe_ffn:
        return narrow ? 0.35 : 0.45;
    case Family::attention:
        return 0.5;
    default:
        return narrow ? 0.5 : 0.68;
    }
}

/// Published copies reach 0.78 (MI300X) to 0.87 (H100) of the data sheet's bandwidth; where the chip has none.
constexpr double usual_copy_share = 0.8;
constexpr double launch = 4e-6;
constexpr double compute_sigma = 0.3, memory_sigma = 0.2, unknown_copy_sigma = 0.25;

/// What a copy of the chip, or of its die under another name, reaches of the bandwidth; training kernels that only move
/// memory reach about the same (vLLM's addition 0.84 on A100, whose copies reach 0.79 to 0.83).
std::optional<double> copy_share(Estimator const& estimator, hardware::Chip const& chip) {
    Kernel const copy{.op = *find_table_op("copy"),
                      .dtype = "fp64",
                      .m = 1,
                      .n = 1 << 28,
                      .k = 0,
                      .batch = 1,
                      .options = {}};
    for (auto const& other : estimator.store().reference_chips()) {
        auto const time = (other.id == chip.id || is_one_die(other, chip)) && other.memory_bandwidth
                              ? own_time(estimator, other, copy)
                              : std::nullopt;
        if (time) {
            return roofline_time(roofline_of(other, copy), work_of(copy)) / time->duration.time;
        }
    }
    return std::nullopt;
}

} // namespace

KernelTime analytic_time(Estimator const& estimator, hardware::Chip const& chip, Kernel const& kernel) {
    auto roofline = roofline_of(chip, kernel);
    auto const work = work_of(kernel);
    auto const compute = compute_share(kernel);
    auto const copy = copy_share(estimator, chip);
    auto const memory = copy.value_or(usual_copy_share);
    roofline.flop_per_second *= compute;
    roofline.bytes_per_second *= memory;
    auto const time = roofline_time(roofline, work) + Seconds{launch};
    bool const computes = work.flop.value() > 0;
    auto const sigma = computes ? compute_sigma : copy ? memory_sigma : unknown_copy_sigma;
    return {{time, Evidence::analytic, sigma},
            fmt::format("roofline: {}{:.0f} % of the memory bandwidth{}, {:.0f} us to launch",
                        computes ? fmt::format("{:.0f} % of the peak, ", 100 * compute) : "", 100 * memory,
                        copy ? " as a published copy" : "", launch * 1e6)};
}

} // namespace moesaic::timing
