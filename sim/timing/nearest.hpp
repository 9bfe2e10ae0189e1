#pragma once
#include "timing/kernel.hpp"

#include <span>
#include <vector>

namespace moesaic::timing {

struct Neighbour {
    int point = 0;
    double distance = 0; ///< Euclidean, in scaled coordinates
};

/// Points that find their nearest ones without a scan (k-d tree, built once).
class NearestPoints {
  public:
    NearestPoints() = default;
    explicit NearestPoints(std::vector<Coordinates> points);
    [[nodiscard]] std::size_t size() const { return points_.size(); }
    [[nodiscard]] Coordinates const& point(int index) const {
        return points_[static_cast<std::size_t>(index)];
    }
    /// The nearest ones, nearest first; ties by index.
    [[nodiscard]] std::vector<Neighbour> nearest(Coordinates const& at, std::size_t count) const;

  private:
    struct Node {
        int begin = 0, end = 0; ///< of order_, for a leaf
        int axis = -1;          ///< -1 = leaf
        double split = 0;
        int left = -1, right = -1;
    };
    class Search;
    int build(int begin, int end);
    std::vector<Coordinates> points_;
    std::vector<int> order_;
    std::vector<Node> nodes_;
};

} // namespace moesaic::timing
