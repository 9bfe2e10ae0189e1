#include "timing/kernel_time.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

double strangeness(TimingStore const& store, hardware::Chip const& a, hardware::Chip const& b,
                   Kernel const& kernel) {
    // `moesaic timings check --transfer` on the public collection: median errors of 4 to 14 % on one die, 8 to 25 % between
    // chips of one maker, 28 to 45 % between makers; the intervals hold about 80 %
    constexpr double one_die = 0.08, one_vendor = 0.22, other_vendor = 0.36, per_doubling_of_balance = 0.06;
    auto const mine = find_roofline(a, kernel), theirs = find_roofline(b, kernel);
    expects(mine && theirs, "both chips have the figures of the roofline");
    double balance = mine->bytes_per_second / theirs->bytes_per_second;
    if (mine->flop_per_second > 0 && theirs->flop_per_second > 0) {
        balance /= mine->flop_per_second / theirs->flop_per_second;
    }
    bool const twins = store.die_of(a) >= 0 && store.die_of(a) == store.die_of(b);
    return (twins                  ? one_die
            : a.vendor == b.vendor ? one_vendor
                                   : other_vendor) +
           per_doubling_of_balance * std::abs(std::log2(balance));
}

namespace {

struct Donor {
    std::string source;
    double log_ratio = 0;
    double weight = 0;
};

/// A kernel that keeps the other chip busy as long as this one keeps ours: losses at the beginning and the end of a
/// kernel are times, not shares of it. Grouped products keep their rows per group, on which their losses depend.
Kernel equally_long(Kernel kernel, double factor) {
    auto const& op = table_op(kernel.op);
    if (op.kind == model::OpKind::grouped_gemm || op.family == Family::moe_ffn) {
        return kernel;
    }
    auto& size = op.family == Family::attention ? kernel.batch : kernel.m;
    size = std::max<std::int64_t>(1, std::llround(static_cast<double>(size) * factor));
    return kernel;
}

std::vector<Donor> ask_donors(Estimator const& estimator, hardware::Chip const& chip, Kernel const& kernel) {
    std::vector<Donor> out;
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    for (auto const& other : estimator.store().reference_chips()) {
        auto const roofline = find_roofline(other, kernel);
        if (other.id == chip.id || !roofline) {
            continue;
        }
        auto const here = roofline_time(roofline_of(chip, kernel), work_of(kernel));
        auto const like = equally_long(kernel, here / roofline_time(*roofline, work_of(kernel)));
        auto const there = own_time(estimator, other, like);
        if (!there) {
            continue;
        }
        auto const doubt =
            std::hypot(strangeness(estimator.store(), chip, other, kernel), there->duration.sigma);
        auto const bound = roofline_time(*roofline, work_of(like)) + launch;
        out.push_back({there->source, std::log(there->duration.time / bound), 1 / (doubt * doubt)});
    }
    std::ranges::stable_sort(out, std::ranges::greater{}, &Donor::weight);
    return out;
}

} // namespace

std::optional<KernelTime> borrowed_time(Estimator const& estimator, hardware::Chip const& chip,
                                        Kernel const& kernel) {
    constexpr std::size_t most = 3;
    auto const donors = ask_donors(estimator, chip, kernel);
    if (donors.empty()) {
        return std::nullopt;
    }
    auto const asked = std::min(most, donors.size());
    double weight = 0, mean = 0, spread = 0;
    for (std::size_t i = 0; i < asked; ++i) {
        weight += donors[i].weight;
        mean += donors[i].weight * donors[i].log_ratio;
    }
    mean /= weight;
    for (std::size_t i = 0; i < asked; ++i) {
        spread += donors[i].weight / weight * (donors[i].log_ratio - mean) * (donors[i].log_ratio - mean);
    }
    auto const roofline = roofline_of(chip, kernel);
    auto const work = work_of(kernel);
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    auto const flop_time = work.flop.value() > 0 ? work.flop.value() / roofline.flop_per_second : 0.0;
    auto const time = std::max((roofline_time(roofline, work) + launch) * std::exp(mean), Seconds{flop_time});
    // chips err together: several of them do not make the nearest one's strangeness smaller
    auto const sigma = std::sqrt(1 / donors.front().weight + spread);
    return KernelTime{{time, Evidence::transferred, sigma},
                      fmt::format("curve of {}", donors.front().source)};
}

} // namespace moesaic::timing
