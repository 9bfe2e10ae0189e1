#pragma once
#include "timing/consulted.hpp"
#include "timing/store.hpp"

#include <string>
#include <vector>

namespace moesaic::timing {

/// A store as a look-up sees it: what the look-up goes through is noted. Rows are reached through the lists given here
/// alone, so that nothing is read without a note.
class StoreView {
  public:
    /// @param consulted where to note; nullptr = nowhere. Must outlive the view
    StoreView(TimingStore const& store, Consulted* consulted = nullptr)
        : store_{store}, consulted_{consulted} {}

    [[nodiscard]] std::vector<StoredSeries> const& all() const;
    /// The series of an operation, of all chips, with all rows.
    [[nodiscard]] std::vector<int> const& of_op(TableOpId op) const;
    /// The same to choose from: what is said of their rows is whether they are few. Whoever reads the rows of one asks for its
    /// series().
    [[nodiscard]] std::vector<int> const& series_of_op(TableOpId op) const;
    /// Those that tables list for the chip.
    [[nodiscard]] std::vector<int> of_op(TableOpId op, hardware::Chip const& chip) const;
    /// Those under this name.
    [[nodiscard]] std::vector<int> of_op(TableOpId op, std::string const& timing_name) const;

    [[nodiscard]] StoredSeries const& stored(int index) const { return store_.stored(index); }
    /// Its rows, with those of the operation under the same name of the chip.
    [[nodiscard]] Series const& series(int index) const;
    [[nodiscard]] Roofline roofline_of_rows(std::string const& chip, Kernel const& kernel) const;
    [[nodiscard]] std::vector<hardware::Chip> const& reference_chips() const {
        return store_.reference_chips();
    }
    [[nodiscard]] Expectations const& expectations() const { return store_.expectations(); }
    [[nodiscard]] bool has_rows_of(std::string const& timing_name) const;
    [[nodiscard]] Traits traits_of(std::string const& chip, std::string const& dtype,
                                   std::string const& source, Options const& options) const {
        return store_.traits_of(chip, dtype, source, options);
    }
    [[nodiscard]] hardware::Chip const* chip_named(std::string const& timing_name) const {
        return store_.chip_named(timing_name);
    }

  private:
    void note(TableOpId op, std::vector<std::string> chips) const;
    TimingStore const& store_;
    Consulted* consulted_;
};

} // namespace moesaic::timing
