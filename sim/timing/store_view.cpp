#include "timing/store_view.hpp"

#include <algorithm>

namespace moesaic::timing {

namespace {

template <class Wanted>
std::vector<int> chosen(TimingStore const& store, TableOpId op, Wanted const& wanted) {
    std::vector<int> out;
    for (int const index : store.of_op(op)) {
        if (wanted(store.stored(index).chip)) {
            out.push_back(index);
        }
    }
    return out;
}

std::vector<std::string> names_of(hardware::Chip const& chip) {
    auto out = chip.timing_names;
    out.push_back(chip.id);
    std::ranges::sort(out);
    out.erase(std::ranges::unique(out).begin(), out.end());
    return out;
}

} // namespace

void StoreView::note(TableOpId op, std::vector<std::string> chips) const {
    if (consulted_ != nullptr) {
        consulted_->insert({op, std::move(chips), false});
    }
}

std::vector<StoredSeries> const& StoreView::all() const {
    note(RowGroup::every_op, {});
    return store_.all();
}

std::vector<int> const& StoreView::of_op(TableOpId op) const {
    note(op, {});
    return store_.of_op(op);
}

std::vector<int> const& StoreView::series_of_op(TableOpId op) const {
    if (consulted_ != nullptr) {
        consulted_->insert({op, {}, true});
    }
    return store_.of_op(op);
}

std::vector<int> StoreView::of_op(TableOpId op, hardware::Chip const& chip) const {
    if (consulted_ != nullptr) {
        note(op, names_of(chip));
    }
    return chosen(store_, op, [&](std::string const& name) { return is_listed(chip, name); });
}

std::vector<int> StoreView::of_op(TableOpId op, std::string const& timing_name) const {
    note(op, {timing_name});
    return chosen(store_, op, [&](std::string const& name) { return name == timing_name; });
}

bool StoreView::has_rows_of(std::string const& timing_name) const {
    note(RowGroup::every_op, {timing_name});
    return std::ranges::any_of(store_.all(), [&](StoredSeries const& s) { return s.chip == timing_name; });
}

Series const& StoreView::series(int index) const {
    auto const& stored = store_.stored(index);
    Kernel const head{.op = stored.op, .dtype = stored.dtype, .options = {}};
    note(stored.op, {stored.chip});
    (void)roofline_of_rows(stored.chip, head); // it stands on it
    return store_.series(index);
}

Roofline StoreView::roofline_of_rows(std::string const& chip, Kernel const& kernel) const {
    auto const known = store_.chip_named(chip);
    if (known == nullptr || !find_roofline(*known, kernel)) {
        note(RowGroup::every_op, {chip}); // the fastest rows of the chip give it
    }
    return store_.roofline_of_rows(chip, kernel);
}

} // namespace moesaic::timing
