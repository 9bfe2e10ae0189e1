#include "timing/kernel_time.hpp"

#include "timing/fitness.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

/// Beyond it (in scaled log2 of the sizes) it is the curves of other chips that tell, not the chip's own shapes.
constexpr double near_enough = 2.5;
/// So far outside the box of the chip's shapes (in the same measure) nothing is interpolated.
constexpr double at_the_edge = 1.0;
/// A format that stands in for another with more doubt than this is a transfer.
constexpr double doubtful = 0.1;
/// Series whose misfit differs by less than this suit alike; then the faster library is taken, as a user would.
constexpr double alike = 0.6;

struct Suitor {
    int series = -1;
    double misfit = 0;
};

/// Series of the chip that may stand for the kernel, with their distance counted as misfit.
std::vector<Suitor> suitors_of(StoreView const& store, hardware::Chip const& chip, Kernel const& want) {
    // who measured this very shape, and how many others, matters less than that it was measured
    constexpr double per_distance = 0.7, at_most = 8, measured_is_worth = 5;
    auto const at = scaled(coordinates_of(want), smoothness_of(table_op(want.op).family));
    std::vector<Suitor> out;
    for (int const index : store.of_op(want.op, chip)) {
        auto const& stored = store.stored(index);
        if (!stand_in_sigma(want.dtype, stored.dtype)) {
            continue;
        }
        if (auto const little = misfit(stored, want)) {
            auto const& series = store.series(index);
            auto const distance = std::min(series.points().nearest(at, 1).front().distance, at_most);
            bool const this_shape =
                !stored.condensed && unlike_form_sigma(stored, want) == 0.0 && series.find(want).has_value();
            out.push_back({index, *little + (this_shape ? -measured_is_worth : per_distance * distance)});
        }
    }
    std::ranges::stable_sort(out, {}, &Suitor::misfit);
    return out;
}

/// No kernel beats the peak of the matrix units.
Seconds at_least_peak_time(Seconds time, Roofline const& roofline, Kernel const& kernel) {
    auto const flop = work_of(kernel).flop.value();
    return flop > 0 ? std::max(time, Seconds{flop / roofline.flop_per_second}) : time;
}

} // namespace

std::string source_text(StoredSeries const& s) {
    return fmt::format("{}, {}{}{}", s.source, s.chip, s.options->library.empty() ? "" : ", ",
                       s.options->library);
}

namespace {

std::optional<KernelTime> time_in_format(Estimator const& estimator, hardware::Chip const& chip,
                                         Kernel const& kernel) {
    auto const store = estimator.store();
    auto const suitors = suitors_of(store, chip, kernel);
    if (suitors.empty()) {
        return std::nullopt;
    }
    auto const roofline = roofline_of(chip, kernel);
    std::optional<KernelTime> best;
    Seconds best_score;
    for (auto const& [series, sum] : suitors) {
        if (sum > suitors.front().misfit + alike) {
            break;
        }
        auto const& stored = store.stored(series);
        auto const said = estimator.estimate({kernel, stored.chip, roofline, stored.traits, series});
        if (!said) {
            continue;
        }
        auto const format = *stand_in_sigma(kernel.dtype, stored.dtype),
                   form = unlike_form_sigma(stored, kernel);
        auto const stand_in = std::hypot(format, form);
        bool const this_shape = said->own_distance <= 0;
        auto const time = this_shape ? said->time : at_least_peak_time(said->time, roofline, kernel);
        // the faster library, as a user would choose, unless little is known of it
        auto const score = time * (1 + said->sigma);
        if (!best || score < best_score) {
            best_score = score;
            bool const far =
                said->own_distance > near_enough || said->beyond > at_the_edge || format > doubtful;
            auto const evidence = far                               ? Evidence::transferred
                                  : said->measured && stand_in == 0 ? Evidence::measured
                                                                    : Evidence::interpolated;
            best = KernelTime{{time, evidence, std::hypot(said->sigma, stand_in)}, source_text(stored)};
        }
    }
    return best;
}

/// The same product with one scale per block, where the chip's matrix units apply scales themselves (they alone have a
/// figure for nvfp4): there all 8-bit products are one instruction, whatever the scales stand for. Transformer Engine
/// runs fp8_block as MXFP8 on them, and on B300 its MXFP8 and fp8 take 1.01 and 0.96 of what B200's rows of fp8_block say
/// (docs/examples/gemm_profiling @8f2e635: sums over four products of 15,872 rows in each pass, 1.01 to 1.02 and 0.93 to 0.98).
std::optional<Kernel> with_scales_of_blocks(hardware::Chip const& chip, Kernel kernel) {
    bool const narrow = kernel.dtype == "fp8" || kernel.dtype == "mxfp8";
    if (!narrow || table_op(kernel.op).family != Family::product || !chip.peak.contains(Dtype::nvfp4)) {
        return std::nullopt;
    }
    kernel.dtype = "fp8_block";
    return kernel;
}

/// A window leaves a kernel less to do: where few were measured with one, no longer than without.
std::optional<KernelTime> at_most_whole(Estimator const& estimator, hardware::Chip const& chip, Kernel kernel,
                                        std::optional<KernelTime> own) {
    if (kernel.options.window == 0 || !own || own->duration.evidence == Evidence::measured) {
        return own;
    }
    kernel.options.window = 0;
    auto whole = time_in_format(estimator, chip, kernel);
    if (!whole || whole->duration.time >= own->duration.time) {
        return own;
    }
    whole->duration.evidence = weakest(whole->duration.evidence, own->duration.evidence);
    whole->duration.sigma = std::max(whole->duration.sigma, own->duration.sigma);
    return whole;
}

/// How far ln(time) of two such formats lie apart: the classes above, and as much again for single shapes.
constexpr double scales_alike = 0.05;

} // namespace

std::optional<KernelTime> own_time(Estimator const& estimator, hardware::Chip const& chip,
                                   Kernel const& kernel) {
    auto own = at_most_whole(estimator, chip, kernel, time_in_format(estimator, chip, kernel));
    auto const block = with_scales_of_blocks(chip, kernel);
    if (!block || (own && own->duration.evidence == Evidence::measured)) {
        return own;
    }
    auto like = time_in_format(estimator, chip, *block);
    if (!like || (own && own->duration.time <= like->duration.time)) {
        return own; // the faster library, as a user would choose
    }
    like->duration.sigma = std::hypot(like->duration.sigma, scales_alike);
    like->duration.evidence = weakest(like->duration.evidence, Evidence::interpolated);
    return like;
}

namespace {

/// The same die under another name: its time, scaled by the rooflines.
KernelTime from_twin(TransferDoubt const& doubt, hardware::Chip const& chip, hardware::Chip const& twin,
                     Kernel const& kernel, KernelTime const& there) {
    // H100 to H200 (bandwidth times 1.43): 12 % median in the collection; a kernel that the matrix units bound keeps its time
    // (most of what attention differs by is the version of its library)
    constexpr double attention_alike = 0.15, others_alike = 0.07, sigma_per_doubling = 0.25;
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    auto const work = work_of(kernel);
    auto const ratio = (roofline_time(roofline_of(chip, kernel), work) + launch) /
                       (roofline_time(roofline_of(twin, kernel), work) + launch);
    auto const family = table_op(kernel.op).family;
    auto const unlike = family == Family::attention ? attention_alike
                        : family == Family::linear  ? doubt.linear_attention
                                                    : others_alike;
    auto const sigma = unlike + sigma_per_doubling * std::abs(std::log2(ratio));
    return {{there.duration.time * ratio, Evidence::transferred, std::hypot(there.duration.sigma, sigma)},
            there.source};
}

using Ask = std::optional<KernelTime> (*)(Estimator const&, hardware::Chip const&, Kernel const&);

/// Asks the other chips of the die, the most alike in bandwidth first.
std::optional<KernelTime> ask_twins(Estimator const& estimator, hardware::Chip const& chip,
                                    Kernel const& kernel, Ask ask) {
    auto const store = estimator.store();
    std::vector<std::pair<double, hardware::Chip const*>> twins;
    auto const own = roofline_of(chip, kernel);
    for (auto const& other : store.reference_chips()) {
        auto const theirs = find_roofline(other, kernel);
        if (theirs && other.id != chip.id && is_one_die(other, chip)) {
            twins.emplace_back(std::abs(std::log(theirs->bytes_per_second / own.bytes_per_second)), &other);
        }
    }
    std::ranges::stable_sort(twins, {}, [](auto const& twin) { return twin.first; });
    for (auto const& [gap, twin] : twins) {
        if (auto const said = ask(estimator, *twin, kernel)) {
            return from_twin(store.expectations().transfer, chip, *twin, kernel, *said);
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<KernelTime> time_without_own(Estimator const& estimator, hardware::Chip const& chip,
                                           Kernel const& kernel) {
    if (auto const twin = ask_twins(estimator, chip, kernel, own_time)) {
        return twin;
    }
    if (auto const like = time_by_analogy(estimator, chip, kernel)) {
        return like;
    }
    if (auto const twin = ask_twins(estimator, chip, kernel, time_by_analogy)) {
        return twin;
    }
    return borrowed_time(estimator, chip, kernel);
}

std::optional<KernelTime> known_time(Estimator const& estimator, hardware::Chip const& chip,
                                     Kernel const& kernel) {
    auto const own = own_time(estimator, chip, kernel);
    return own ? own : time_without_own(estimator, chip, kernel);
}

KernelTime kernel_time(Estimator const& estimator, hardware::Chip const& chip, Kernel const& kernel) {
    auto const known = known_time(estimator, chip, kernel);
    return known ? *known : analytic_time(estimator, chip, kernel);
}

} // namespace moesaic::timing
