#include "timing/kernel_time.hpp"

#include <algorithm>

namespace moesaic::timing {

namespace {

/// The series with these very traits, measurements before cells of a grid; -1 if there is none.
int series_with(StoreView const& store, TableOpId op, Traits const& traits) {
    int cells = -1;
    for (int const index : store.of_op(op)) {
        auto const& stored = store.stored(index);
        if (stored.traits == traits && !stored.condensed) {
            return index;
        }
        cells = stored.traits == traits ? index : cells;
    }
    return cells;
}

} // namespace

std::optional<KernelTime> row_time(Estimator const& estimator, Measurement const& row) {
    auto const store = estimator.store();
    auto const& kernel = row.kernel;
    bool const known = store.chip_named(row.chip) != nullptr || store.has_rows_of(row.chip);
    if (!known) {
        return std::nullopt; // without figures or rows of the chip there is no roofline to start from
    }
    auto const traits = store.traits_of(row.chip, kernel.dtype, row.source, kernel.options);
    auto const index = series_with(store, kernel.op, traits);
    auto const said =
        estimator.estimate({kernel, row.chip, store.roofline_of_rows(row.chip, kernel), traits, index});
    if (!said) {
        return std::nullopt;
    }
    auto const evidence = said->measured             ? Evidence::measured
                          : said->own_distance < 1e8 ? Evidence::interpolated
                                                     : Evidence::transferred;
    return KernelTime{{said->time, evidence, said->sigma}, row.source};
}

} // namespace moesaic::timing
