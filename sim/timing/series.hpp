#pragma once
#include "timing/nearest.hpp"

#include <vector>

namespace moesaic::timing {

/// A measured shape of a series.
struct Sample {
    std::int64_t m = 0, n = 0, k = 0, batch = 1;
    Options const* options = nullptr; ///< owned by the store
    Seconds time;
    int file = 0, line = 0;
};

/// What a series says about a shape.
struct SeriesEstimate {
    double log_ratio = 0; ///< ln(time / roofline time)
    double sigma = 0;
    double distance = 0;   ///< to the nearest measured shape, in weighted log2 of the sizes
    bool measured = false; ///< this very shape
};

/// Measured shapes that compare: one chip, operation, dtype, source and library. Between them it interpolates
/// ln(time / roofline time) over log2 of the sizes by a plane through the nearest shapes; beyond them it
/// holds the edge. How far it can be trusted comes from leaving single shapes out.
class Series {
  public:
    /// @param head operation, dtype and options that all samples share (sizes are ignored)
    Series(Kernel head, Roofline roofline, std::vector<Sample> const& samples);

    [[nodiscard]] SeriesEstimate estimate(Kernel const& kernel) const;
    /// ln(time / roofline time) of the plane alone, one sample left out; for tests of the interpolation.
    [[nodiscard]] std::size_t shapes() const { return shapes_.size(); }
    [[nodiscard]] Roofline const& roofline() const { return roofline_; }

  private:
    struct Shape {
        std::int64_t m, n, k, batch;
        Options const* options;
        double log_ratio;
    };
    struct Raw {
        double value, spread, distance;
    };
    [[nodiscard]] Raw interpolate(Coordinates at, int passed_over) const;
    void calibrate();

    Kernel head_;
    Roofline roofline_;
    std::vector<Shape> shapes_;
    NearestPoints nearest_;
    Coordinates low_{}, high_{};
    double scale_ = 1; ///< sigma per unit of local doubt
};

} // namespace moesaic::timing
