#include "timing/coverage.hpp"

#include "timing/fitness.hpp"

#include <algorithm>
#include <tuple>

namespace moesaic::timing {

namespace {

/// Whether rows of this name were measured on the chip or on its die under another name.
bool is_of_die(StoreView const& store, hardware::Chip const& chip, std::string const& timing_name) {
    auto const measured_on = store.chip_named(timing_name);
    return is_listed(chip, timing_name) || (measured_on != nullptr && is_one_die(*measured_on, chip));
}

std::vector<NearShape> nearest_shapes(StoreView const& store, hardware::Chip const& chip,
                                      Kernel const& kernel) {
    constexpr std::size_t most = 3;
    auto const at = scaled(coordinates_of(kernel), smoothness_of(table_op(kernel.op).family));
    std::vector<NearShape> out;
    for (int const index : store.of_op(kernel.op)) {
        auto const& stored = store.stored(index);
        if (!stand_in_sigma(kernel.dtype, stored.dtype) || !misfit(stored, kernel) ||
            !is_of_die(store, chip, stored.chip)) {
            continue;
        }
        auto const& series = store.series(index);
        for (auto const& [point, distance] : series.points().nearest(at, most)) {
            out.push_back(
                {shape_text(series.kernel(kernel, point)), source_text(stored), distance, stored.condensed});
        }
    }
    std::ranges::stable_sort(out, {}, [](NearShape const& s) { return std::tuple{s.distance, s.condensed}; });
    out.resize(std::min(out.size(), most));
    return out;
}

} // namespace

std::vector<KernelEvidence> evidence_of(Estimator const& estimator, hardware::Chip const& chip,
                                        model::Operation const& op) {
    auto const kernels = kernels_of(op);
    std::vector<KernelEvidence> out;
    for (auto const& kernel : kernels) {
        // one kernel is the operation, whose pass may be another than the one that tables list
        auto const alone = kernel_time(estimator, chip, kernel);
        auto const time = kernels.size() == 1 ? operation_time(estimator, chip, op) : alone;
        out.push_back({kernel, time.duration, time.source, alone.duration.evidence == Evidence::measured,
                       nearest_shapes(estimator.store(), chip, kernel)});
    }
    return out;
}

} // namespace moesaic::timing
