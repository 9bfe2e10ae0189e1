#pragma once
#include "timing/series.hpp"
#include "timing/timing_table.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace moesaic::timing {

/// Rows that belong to one series, and the series once it was asked for.
struct StoredSeries {
    std::string chip, dtype, source;
    TableOpId op = 0;
    Options const* options = nullptr; ///< of any sample; library, variant and flags are those of all
    Grade grade = Grade::c;
    std::vector<Sample> samples;
};

/// The rows of all tables, parted into series.
class TimingStore {
  public:
    void add(Measurement const& row, int file);
    int add_file(std::string path);
    void set_reference_chips(std::vector<hardware::Chip> chips);

    [[nodiscard]] std::vector<hardware::Chip> const& reference_chips() const { return chips_; }
    /// The reference chip that lists this name; none if no chip does.
    [[nodiscard]] hardware::Chip const* chip_named(std::string const& timing_name) const;
    /// In the order of loading.
    [[nodiscard]] std::vector<StoredSeries> const& all() const { return series_; }
    /// The series of a chip (by timing name), operation and dtype.
    [[nodiscard]] std::vector<int> find(std::string const& chip, TableOpId op,
                                        std::string const& dtype) const;
    [[nodiscard]] StoredSeries const& stored(int index) const {
        return series_[static_cast<std::size_t>(index)];
    }
    /// The interpolation over a series, built when first asked for.
    [[nodiscard]] Series const& series(int index, Roofline const& roofline) const;
    [[nodiscard]] std::vector<std::string> const& files() const { return files_; }
    [[nodiscard]] std::int64_t rows() const { return rows_; }

  private:
    [[nodiscard]] Options const* intern(std::string const& extra, Options const& options);
    std::deque<Options> options_;
    std::unordered_map<std::string, Options const*> option_texts_;
    std::vector<StoredSeries> series_;
    std::unordered_map<std::string, int> index_;
    std::unordered_map<std::string, std::vector<int>> by_chip_op_dtype_;
    std::vector<hardware::Chip> chips_;
    std::vector<std::string> files_;
    std::int64_t rows_ = 0;
    mutable std::mutex building_;
    mutable std::map<std::tuple<int, double, double>, std::unique_ptr<Series>> built_;
};

} // namespace moesaic::timing
