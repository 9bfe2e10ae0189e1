#pragma once
#include "timing/consulted.hpp"
#include "timing/expectations.hpp"
#include "timing/series.hpp"
#include "timing/timing_sources.hpp"
#include "timing/timing_table.hpp"
#include "timing/traits.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace moesaic::timing {

/// A series with fewer samples is a poor adviser.
constexpr std::size_t few_samples = 6;

/// Rows that belong to one series.
struct StoredSeries {
    std::string chip, dtype, source, licence;
    TableOpId op = 0;
    Options const* options = nullptr; ///< of any sample; library, variant and flags are those of all
    Grade grade = Grade::c;
    bool trains = true;                                 ///< a kernel that training uses
    bool holds_host_time = false;                       ///< of a collective
    UnlikeFabric unlike_fabric = UnlikeFabric::nowhere; ///< of a collective
    Traits traits;
    bool condensed = false; ///< cells of a grid, not measurements
    std::vector<Sample> samples;
    std::size_t checked = 0; ///< samples that have been held against the chip's peaks
};

/// Whether tables list the chip under this name: one of its timing names, or its id in the catalogue.
[[nodiscard]] bool is_listed(hardware::Chip const& chip, std::string const& timing_name);

/// Whether two chips are one die under several names (H100, H800, H200; A100, A800): their kernels are the same.
[[nodiscard]] bool is_one_die(hardware::Chip const& a, hardware::Chip const& b);

/// Why a time cannot be: it beats what the chip can do. Empty where it can.
[[nodiscard]] std::string why_refused(hardware::Chip const& chip, Kernel const& kernel, Seconds time);

/// The rows of all tables, parted into series.
class TimingStore {
  public:
    /// Reads a table. Rows that beat what their chip can do are refused, also when the chips come later.
    /// @param keep which rows to take; empty = all
    /// @throws InputError with file and line
    using Keep = std::function<bool(Measurement const&)>;
    void load(std::string const& path, Keep const& keep = {});
    void parse(std::string_view content, std::string const& name, Keep const& keep = {});
    void set_reference_chips(std::vector<hardware::Chip> chips);
    /// To be told before any table is read: it says which rows make a series.
    void set_sources(TimingSources sources);
    void set_expectations(Expectations const& expectations);
    /// All three from the folder "platforms" of the catalogue.
    void read_catalogue(std::string const& platforms);

    [[nodiscard]] std::vector<hardware::Chip> const& reference_chips() const { return chips_; }
    /// To be told before anything is asked for.
    [[nodiscard]] Expectations const& expectations() const;
    /// The reference chip that lists this name; none if no chip does.
    [[nodiscard]] hardware::Chip const* chip_named(std::string const& timing_name) const;
    /// Under which name rows of this chip are kept: of a reference chip's id, the first that it lists.
    [[nodiscard]] std::string const& name_of_rows(std::string const& chip) const;
    /// In the order of loading.
    [[nodiscard]] std::vector<StoredSeries> const& all() const { return series_; }
    [[nodiscard]] StoredSeries const& stored(int index) const {
        return series_[static_cast<std::size_t>(index)];
    }
    [[nodiscard]] std::vector<int> const& of_op(TableOpId op) const;
    /// One for each table, in the order of loading.
    [[nodiscard]] std::vector<TableReport> const& reports() const { return reports_; }

    /// The chip's figures where a reference chip has the name, else what its fastest rows show.
    [[nodiscard]] Roofline roofline_of_rows(std::string const& chip, Kernel const& kernel) const;
    /// The series over its own chip's roofline, built when first asked for.
    [[nodiscard]] Series const& series(int index) const;
    /// Hash of the group's rows: what they say and in which order they came, not in which file and line they stand.
    [[nodiscard]] std::string content_of(RowGroup const& group) const;
    /// The traits of a row or of an operation on a chip; numbers of names never seen are -1.
    [[nodiscard]] Traits traits_of(std::string const& chip, std::string const& dtype,
                                   std::string const& source, Options const& options) const;

  private:
    [[nodiscard]] int die_of_rows(std::string const& chip);
    /// The name under which rows of this library make a series.
    [[nodiscard]] std::string const& library_of(std::string const& source, Options const& options) const;
    [[nodiscard]] std::string series_key(Measurement const& row) const;
    void take(std::string const& name, Keep const& keep,
              std::function<TableReport(std::function<void(Measurement const&)> const&)> const& read);
    void add(Measurement const& row, int file);
    void check_new_rows();
    void list_series();
    void check(StoredSeries& series, hardware::Chip const& chip);
    [[nodiscard]] Options const* intern(std::string const& extra, Options const& options);
    std::deque<Options> options_;
    std::unordered_map<std::string, Options const*> option_texts_;
    std::vector<StoredSeries> series_;
    std::unordered_map<std::string, int> index_;
    std::vector<std::vector<int>> by_op_;
    NameTable chip_names_, dies_, dtypes_, sources_, libraries_, variants_;
    std::vector<hardware::Chip> chips_;
    TimingSources sources_known_;
    std::optional<Expectations> expectations_;
    /// By id of a reference chip, the first of the names that tables have for it: rows under either are one chip's.
    std::unordered_map<std::string, std::string> names_of_ids_;
    std::vector<TableReport> reports_;
    /// Filled while asked; a mutex, since answers may come from several threads.
    mutable std::recursive_mutex building_;
    mutable std::vector<std::unique_ptr<Series>> built_;
    mutable std::map<std::pair<std::string, std::string>, Roofline> seen_rooflines_;
};

} // namespace moesaic::timing
