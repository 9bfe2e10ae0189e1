#include "timing/kernel_time.hpp"

#include <fmt/format.h>
#include <optional>

namespace moesaic::timing {

namespace {

double compute_share(RooflineShares const& shares, Kernel const& kernel) {
    auto const dtype = find_dtype(kernel.dtype);
    bool const narrow = dtype && bytes_per_element(*dtype) < 2;
    switch (table_op(kernel.op).family) {
    case Family::moe_ffn:
        return narrow ? shares.narrow_expert_ffn : shares.expert_ffn;
    case Family::attention:
        return shares.attention;
    case Family::linear:
        return table_op(kernel.op).kind == model::OpKind::kda ? shares.delta_by_column
                                                              : shares.linear_attention;
    default:
        return narrow ? shares.narrow_products : shares.products;
    }
}

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
    auto const& shares = estimator.store().expectations().roofline;
    auto roofline = roofline_of(chip, kernel);
    auto const work = work_of(kernel);
    auto const compute = compute_share(shares, kernel);
    auto const copy = copy_share(estimator, chip);
    auto const memory = copy.value_or(shares.copies);
    roofline.flop_per_second *= compute;
    roofline.bytes_per_second *= memory;
    auto const time = roofline_time(roofline, work) + shares.launch;
    bool const computes = work.flop.value() > 0;
    auto const sigma = computes ? shares.sigma_of_compute
                       : copy   ? shares.sigma_of_copies
                                : shares.sigma_of_unknown_copies;
    return {{time, Evidence::analytic, sigma},
            fmt::format("roofline: {}{:.0f} % of the memory bandwidth{}, {:.0f} us to launch",
                        computes ? fmt::format("{:.0f} % of the peak, ", 100 * compute) : "", 100 * memory,
                        copy ? " as a published copy" : "", shares.launch.value() * 1e6)};
}

} // namespace moesaic::timing
