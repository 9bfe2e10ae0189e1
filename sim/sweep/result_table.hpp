#pragma once
#include "io/hdf5.hpp"
#include "sweep/points.hpp"

#include <string>
#include <vector>

namespace moesaic::sweep {

/// A column of numbers by the number of the point, NaN where there is none.
struct ResultMetric {
    std::string unit;
    std::vector<double> values;
};

/// A result file while it is read.
class ResultFile {
  public:
    /// @throws InputError where it is no result file of a sweep
    explicit ResultFile(std::string const& path);

    /// The sweep that it answers, from the text inside.
    [[nodiscard]] Points const& points() const { return points_; }
    /// Points that succeeded: number, axes, metrics.
    [[nodiscard]] std::vector<io::Hdf5Column> read_points() const;
    /// Points that failed: number, axes, kind, message.
    [[nodiscard]] std::vector<io::Hdf5Column> read_failures() const;
    /// @throws InputError for a column that is no number
    [[nodiscard]] ResultMetric read_metric(std::string const& name) const;

  private:
    [[nodiscard]] std::vector<io::Hdf5Column> read_table(std::string const& table,
                                                         std::vector<std::string> const& further) const;
    std::string path_;
    io::Hdf5Reader file_;
    Points points_;
};

} // namespace moesaic::sweep
