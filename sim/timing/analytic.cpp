#include "timing/kernel_time.hpp"

#include <fmt/format.h>

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

/// Published copy and triad bandwidths over the data sheet's: A100 0.79 to 0.83, 910B2 0.80, H100 0.85 to 0.9 (chips.yaml,
/// achievable); element-wise training kernels reach a little less than a copy.
constexpr double memory_share = 0.75;
constexpr double launch = 4e-6;
constexpr double compute_sigma = 0.3, memory_sigma = 0.2;

} // namespace

KernelTime analytic_time(hardware::Chip const& chip, Kernel const& kernel) {
    auto roofline = roofline_of(chip, kernel);
    auto const work = work_of(kernel);
    auto const share = compute_share(kernel);
    roofline.flop_per_second *= share;
    roofline.bytes_per_second *= memory_share;
    auto const time = roofline_time(roofline, work) + Seconds{launch};
    auto const text =
        work.flop.value() > 0
            ? fmt::format(
                  "roofline: {:.0f} % of the peak or {:.0f} % of the memory bandwidth, {:.0f} us to launch",
                  100 * share, 100 * memory_share, launch * 1e6)
            : fmt::format("{:.0f} % of the memory bandwidth, {:.0f} us to launch", 100 * memory_share,
                          launch * 1e6);
    return {{time, Evidence::analytic, work.flop.value() > 0 ? compute_sigma : memory_sigma}, text};
}

} // namespace moesaic::timing
