#include "timing/store.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

/// Sources whose library is the winner of a search per shape, not a choice: their libraries make one series.
bool library_is_a_winner(std::string_view source) { return source == "aiter"; }

std::string place_key(std::string const& chip, TableOpId op, std::string const& dtype) {
    return fmt::format("{}|{}|{}", chip, op, dtype);
}

std::string series_key(Measurement const& row) {
    auto const& o = row.kernel.options;
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", row.chip, row.kernel.op, row.kernel.dtype, row.source,
                       library_is_a_winner(row.source) ? "" : o.library, o.variant, o.causal, o.window > 0,
                       o.v_dim, o.gated);
}

} // namespace

int TimingStore::add_file(std::string path) {
    files_.push_back(std::move(path));
    return static_cast<int>(files_.size()) - 1;
}

void TimingStore::set_reference_chips(std::vector<hardware::Chip> chips) { chips_ = std::move(chips); }

hardware::Chip const* TimingStore::chip_named(std::string const& timing_name) const {
    auto const at = std::ranges::find_if(chips_, [&](hardware::Chip const& chip) {
        return std::ranges::find(chip.timing_names, timing_name) != chip.timing_names.end();
    });
    return at == chips_.end() ? nullptr : &*at;
}

Options const* TimingStore::intern(std::string const& extra, Options const& options) {
    auto const [at, fresh] = option_texts_.try_emplace(extra, nullptr);
    if (fresh) {
        options_.push_back(options);
        at->second = &options_.back();
    }
    return at->second;
}

void TimingStore::add(Measurement const& row, int file) {
    auto const options = intern(row.extra, row.kernel.options);
    auto const [at, fresh] = index_.try_emplace(series_key(row), static_cast<int>(series_.size()));
    if (fresh) {
        series_.push_back(
            {row.chip, row.kernel.dtype, row.source, row.kernel.op, options, grade_of(row.source), {}});
        by_chip_op_dtype_[place_key(row.chip, row.kernel.op, row.kernel.dtype)].push_back(at->second);
    }
    auto const& kernel = row.kernel;
    series_[static_cast<std::size_t>(at->second)].samples.push_back(
        {kernel.m, kernel.n, kernel.k, kernel.batch, options, row.time, file, row.line});
    std::erase_if(built_, [&](auto const& entry) { return std::get<0>(entry.first) == at->second; });
    ++rows_;
}

std::vector<int> TimingStore::find(std::string const& chip, TableOpId op, std::string const& dtype) const {
    auto const at = by_chip_op_dtype_.find(place_key(chip, op, dtype));
    return at == by_chip_op_dtype_.end() ? std::vector<int>{} : at->second;
}

Series const& TimingStore::series(int index, Roofline const& roofline) const {
    std::scoped_lock const lock{building_};
    auto& slot = built_[{index, roofline.flop_per_second, roofline.bytes_per_second}];
    if (!slot) {
        auto const& stored = series_[static_cast<std::size_t>(index)];
        Kernel head{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
        slot = std::make_unique<Series>(std::move(head), roofline, stored.samples);
    }
    return *slot;
}

} // namespace moesaic::timing
