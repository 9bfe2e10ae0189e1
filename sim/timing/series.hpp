#pragma once
#include "timing/nearest.hpp"
#include "timing/smoothness.hpp"

#include <optional>
#include <vector>

namespace moesaic::timing {

/// A measured shape of a series.
struct Sample {
    std::int64_t m = 0, n = 0, k = 0, batch = 1;
    Options const* options = nullptr; ///< owned by the store
    Seconds time;
    int file = 0, line = 0;
    int measurements = 0; ///< that it stands for; 0 = one itself
    double spread = 0;
};

/// Measured shapes that compare: one chip, operation, dtype, source and library, as ln(time / roofline time)
/// over scaled log2 of the sizes. The roofline has a launch time added, so that small shapes do not stand out.
class Series {
  public:
    /// @param head operation and dtype of all samples
    Series(Kernel const& head, Roofline const& roofline, std::vector<Sample> const& samples);

    [[nodiscard]] std::size_t shapes() const { return log_ratios_.size(); }
    [[nodiscard]] NearestPoints const& points() const { return points_; }
    [[nodiscard]] double log_ratio(int shape) const { return log_ratios_[static_cast<std::size_t>(shape)]; }
    /// Size and options of a shape. @param head operation and dtype of the series
    [[nodiscard]] Kernel kernel(Kernel head, int shape) const;
    /// Of the measurements that a shape of a condensed grid stands for.
    [[nodiscard]] double spread(int shape) const { return shapes_[static_cast<std::size_t>(shape)].spread; }
    /// The shape that is this very kernel's; none if it was not measured.
    [[nodiscard]] std::optional<int> find(Kernel const& kernel) const;
    /// The place in the box of the measured shapes that is nearest: beyond the edge the edge holds.
    [[nodiscard]] Coordinates held(Coordinates at) const;

  private:
    struct Shape {
        std::int64_t m, n, k, batch;
        Options const* options;
        double spread;
    };
    std::vector<Shape> shapes_; ///< in order
    std::vector<double> log_ratios_;
    NearestPoints points_;
    Coordinates low_{}, high_{};
};

} // namespace moesaic::timing
