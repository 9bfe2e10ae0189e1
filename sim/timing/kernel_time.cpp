#include "timing/kernel_time.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace moesaic::timing {

namespace {

/// How little a series suits a training run's kernel; added up, the least wins. Above `unfit` it is not used.
constexpr double unfit = 50;

double misfit(StoredSeries const& have, Kernel const& want) {
    auto const& o = *have.options;
    auto const says = [&](std::string_view item) { return o.variant.find(item) != std::string::npos; };
    double sum = static_cast<double>(have.grade);
    sum += o.causal != want.options.causal || (o.window > 0) != (want.options.window > 0) ? 3 : 0;
    auto const v_dim = [](Options const& x, Kernel const& kernel) {
        return x.v_dim > 0 ? x.v_dim : static_cast<int>(kernel.k);
    };
    bool const mla = table_op(have.op).kind == model::OpKind::mla_attention;
    sum += mla && o.v_dim > 0 && v_dim(o, want) != v_dim(want.options, want) ? 3 : 0;
    sum += table_op(have.op).family == Family::product && !says("cold=weights") ? 0.5 : 0;
    sum += says("det=1") || says("dist=pl") ? 4 : 0;
    sum += says("ctx=") || says("out=") ? 1 : 0;
    sum += says("what=dgrad") || says("what=wgrad") ? (says("dgrad+wgrad") ? 0 : unfit) : 0;
    sum += o.gated != want.options.gated ? 2 : 0;
    sum += have.samples.size() < 10 ? 2 : 0;
    sum += have.dtype == want.dtype ? 0 : 1.5;
    return sum;
}

/// 16-bit formats run on the same units at the same rate on every chip listed.
std::vector<std::string> stand_ins(std::string const& dtype) {
    if (dtype == "bf16") {
        return {"bf16", "fp16"};
    }
    return dtype == "fp16" ? std::vector<std::string>{"fp16", "bf16"} : std::vector{dtype};
}
constexpr double stand_in_sigma = 0.03;

struct Candidate {
    int series = -1;
    SeriesEstimate estimate;
    double misfit = std::numeric_limits<double>::infinity();
    bool stands_in = false;
};

/// The series of these timing names that suits best, looked up.
std::optional<Candidate> best_series(TimingStore const& store, hardware::Chip const& owner,
                                     Kernel const& want) {
    auto const roofline = find_roofline(owner, want);
    if (!roofline) {
        return std::nullopt;
    }
    std::optional<Candidate> best;
    for (auto const& name : owner.timing_names) {
        for (auto const& dtype : stand_ins(want.dtype)) {
            for (int const index : store.find(name, want.op, dtype)) {
                auto const base = misfit(store.stored(index), want);
                if (base >= unfit || (best && base >= best->misfit)) {
                    continue;
                }
                auto const estimate = store.series(index, *roofline).estimate(want);
                auto const sum = base + 0.7 * std::min(estimate.distance, 8.0);
                if (!best || sum < best->misfit) {
                    best = Candidate{index, estimate, sum, dtype != want.dtype};
                }
            }
        }
    }
    return best;
}

std::string source_text(StoredSeries const& s) {
    return fmt::format("{}, {}{}{}", s.source, s.chip, s.options->library.empty() ? "" : ", ",
                       s.options->library);
}

Duration scaled_roofline(Roofline const& roofline, Kernel const& kernel, double log_ratio) {
    return {roofline_time(roofline, work_of(kernel)) * std::exp(log_ratio), Evidence::analytic, 0};
}

double balance_distance(hardware::Chip const& a, hardware::Chip const& b, Kernel const& kernel) {
    auto const ra = find_roofline(a, kernel), rb = find_roofline(b, kernel);
    if (!ra || !rb) {
        return std::numeric_limits<double>::infinity();
    }
    auto const bandwidths = std::log2(ra->bytes_per_second / rb->bytes_per_second);
    if (ra->flop_per_second <= 0 || rb->flop_per_second <= 0) {
        return std::abs(bandwidths);
    }
    return std::abs(std::log2(ra->flop_per_second / rb->flop_per_second) - bandwidths) +
           0.25 * std::abs(bandwidths);
}

} // namespace

std::optional<KernelTime> own_time(TimingStore const& store, hardware::Chip const& chip,
                                   Kernel const& kernel) {
    auto const best = best_series(store, chip, kernel);
    if (!best) {
        return std::nullopt;
    }
    auto duration = scaled_roofline(*find_roofline(chip, kernel), kernel, best->estimate.log_ratio);
    duration.evidence =
        best->estimate.measured && !best->stands_in ? Evidence::measured : Evidence::interpolated;
    duration.sigma = std::hypot(best->estimate.sigma, best->stands_in ? stand_in_sigma : 0.0);
    return KernelTime{duration, source_text(store.stored(best->series))};
}

std::optional<KernelTime> borrowed_time(TimingStore const& store, hardware::Chip const& chip,
                                        Kernel const& kernel) {
    constexpr double transfer_sigma = 0.2; // fit_report section 5: 12 to 35 % median between chips
    auto const target = find_roofline(chip, kernel);
    if (!target) {
        return std::nullopt;
    }
    std::optional<Candidate> best;
    for (auto const& donor : store.reference_chips()) {
        if (donor.id == chip.id) {
            continue;
        }
        auto found = best_series(store, donor, kernel);
        if (!found) {
            continue;
        }
        found->misfit += balance_distance(chip, donor, kernel) + (donor.vendor == chip.vendor ? 0 : 1.5);
        if (!best || found->misfit < best->misfit) {
            best = found;
        }
    }
    if (!best) {
        return std::nullopt;
    }
    auto duration = scaled_roofline(*target, kernel, best->estimate.log_ratio);
    duration.evidence = Evidence::transferred;
    duration.sigma = std::hypot(best->estimate.sigma, transfer_sigma);
    return KernelTime{duration, source_text(store.stored(best->series))};
}

KernelTime analytic_time(hardware::Chip const& chip, Kernel const& kernel) {
    constexpr double compute_share = 0.6, memory_share = 0.75, launch = 4e-6, sigma = 0.35;
    auto roofline = roofline_of(chip, kernel);
    roofline.flop_per_second *= compute_share;
    roofline.bytes_per_second *= memory_share;
    auto const time = roofline_time(roofline, work_of(kernel)) + Seconds{launch};
    return {{time, Evidence::analytic, sigma},
            fmt::format("roofline, {:.0f} % of the peak, {:.0f} % of the memory bandwidth, {} us to launch",
                        100 * compute_share, 100 * memory_share, launch * 1e6)};
}

KernelTime kernel_time(TimingStore const& store, hardware::Chip const& chip, Kernel const& kernel) {
    if (auto const own = own_time(store, chip, kernel)) {
        return *own;
    }
    if (auto const borrowed = borrowed_time(store, chip, kernel)) {
        return *borrowed;
    }
    return analytic_time(chip, kernel);
}

} // namespace moesaic::timing
