#include "timing/kernel_time.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <numeric>

namespace moesaic::timing {

namespace {

/// Operations whose kernels differ more from chip to chip than products do, and formats for which the makers' software
/// does.
double strangeness_of_kind(TransferDoubt const& doubt, Kernel const& kernel, bool one_vendor) {
    auto const& op = table_op(kernel.op);
    auto const dtype = find_dtype(kernel.dtype);
    bool const narrow = dtype && bytes_per_element(*dtype) < 2;
    bool const forward = op.kind == model::OpKind::attention && op.pass == model::Pass::forward;
    auto const kind = op.family == Family::moe_ffn              ? doubt.expert_ffn
                      : op.kind == model::OpKind::mla_attention ? doubt.latent_attention
                      : forward                                 ? doubt.attention_forward
                                                                : 0;
    return narrow && !one_vendor ? std::max(kind, doubt.narrow_formats_of_other_vendors) : kind;
}

} // namespace

double strangeness(TransferDoubt const& doubt, hardware::Chip const& a, hardware::Chip const& b,
                   Kernel const& kernel) {
    auto const mine = find_roofline(a, kernel), theirs = find_roofline(b, kernel);
    expects(mine && theirs, "both chips have the figures of the roofline");
    double balance = mine->bytes_per_second / theirs->bytes_per_second;
    if (mine->flop_per_second > 0 && theirs->flop_per_second > 0) {
        balance /= mine->flop_per_second / theirs->flop_per_second;
    }
    auto const of_balance = doubt.per_doubling_of_balance * std::abs(std::log2(balance));
    double const software = table_op(kernel.op).family == Family::linear ? doubt.linear_attention : 0;
    if (is_one_die(a, b)) {
        return std::hypot(doubt.one_die, software) + of_balance;
    }
    bool const makers = a.vendor == b.vendor;
    return std::hypot(makers ? doubt.one_vendor : doubt.other_vendor,
                      strangeness_of_kind(doubt, kernel, makers), software) +
           of_balance;
}

namespace {

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

std::vector<Borrowed> ask_donors(Estimator const& estimator, hardware::Chip const& chip,
                                 Kernel const& kernel) {
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    auto const& doubt = estimator.store().expectations().transfer;
    std::vector<std::pair<hardware::Chip const*, double>> chips;
    for (auto const& other : estimator.store().reference_chips()) {
        if (other.id != chip.id && find_roofline(other, kernel)) {
            chips.emplace_back(&other, strangeness(doubt, chip, other, kernel));
        }
    }
    return ask_nearest(chips, [&](hardware::Chip const& other, double strange) -> std::optional<Borrowed> {
        auto const roofline = roofline_of(other, kernel);
        auto const here = roofline_time(roofline_of(chip, kernel), work_of(kernel));
        auto const like = equally_long(kernel, here / roofline_time(roofline, work_of(kernel)));
        auto const there = own_time(estimator, other, like);
        if (!there) {
            return std::nullopt;
        }
        auto const bound = roofline_time(roofline, work_of(like)) + launch;
        return Borrowed{there->source, std::log(there->duration.time / bound),
                        std::hypot(strange, there->duration.sigma)};
    });
}

} // namespace

namespace {

constexpr double as_near = 1.4; ///< times the least doubt; who is farther is not asked

} // namespace

std::vector<Borrowed> ask_nearest(std::vector<std::pair<hardware::Chip const*, double>> const& chips,
                                  AskDonor const& ask) {
    std::vector<std::size_t> nearest_first(chips.size());
    std::iota(nearest_first.begin(), nearest_first.end(), std::size_t{0});
    std::ranges::stable_sort(nearest_first, {}, [&](std::size_t i) { return chips[i].second; });
    std::map<std::size_t, Borrowed> said;
    auto least = std::numeric_limits<double>::infinity();
    for (auto const i : nearest_first) {
        if (chips[i].second > as_near * least) {
            break; // whoever follows doubts at least as much
        }
        if (auto const one = ask(*chips[i].first, chips[i].second)) {
            least = std::min(least, one->sigma);
            said.emplace(i, *one);
        }
    }
    std::vector<Borrowed> out;
    std::ranges::transform(said, std::back_inserter(out), [](auto const& one) { return one.second; });
    return out;
}

Borrowed nearest_mean(std::vector<Borrowed> said) {
    constexpr std::size_t most = 3;
    expects(!said.empty(), "a chip to borrow from");
    std::ranges::stable_sort(said, {}, &Borrowed::sigma);
    auto const far =
        std::ranges::find_if(said, [&](Borrowed const& b) { return b.sigma > as_near * said.front().sigma; });
    said.erase(std::min(far, said.begin() + static_cast<std::ptrdiff_t>(std::min(most, said.size()))),
               said.end());
    double weights = 0, mean = 0, spread = 0;
    for (auto const& b : said) {
        weights += 1 / (b.sigma * b.sigma);
        mean += b.log_ratio / (b.sigma * b.sigma);
    }
    mean /= weights;
    for (auto const& b : said) {
        spread += (b.log_ratio - mean) * (b.log_ratio - mean) / (b.sigma * b.sigma * weights);
    }
    // chips err together: several of them do not make the nearest one's strangeness smaller
    return {said.front().source, mean, std::sqrt(said.front().sigma * said.front().sigma + spread)};
}

std::optional<KernelTime> borrowed_time(Estimator const& estimator, hardware::Chip const& chip,
                                        Kernel const& kernel) {
    auto donors = ask_donors(estimator, chip, kernel);
    if (donors.empty()) {
        return std::nullopt;
    }
    auto const curve = nearest_mean(std::move(donors));
    auto const roofline = roofline_of(chip, kernel);
    auto const work = work_of(kernel);
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    auto const flop_time = work.flop.value() > 0 ? work.flop.value() / roofline.flop_per_second : 0.0;
    auto const time = (roofline_time(roofline, work) + launch) * std::exp(curve.log_ratio);
    return KernelTime{{std::max(time, Seconds{flop_time}), Evidence::transferred, curve.sigma},
                      fmt::format("curve of {}", curve.source)};
}

} // namespace moesaic::timing
