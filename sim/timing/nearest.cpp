#include "timing/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

namespace moesaic::timing {

namespace {

constexpr int leaf_size = 12;

double squared_distance(Coordinates const& a, Coordinates const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
}

} // namespace

NearestPoints::NearestPoints(std::vector<Coordinates> points)
    : points_{std::move(points)}, order_(points_.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    if (!points_.empty()) {
        build(0, static_cast<int>(points_.size()));
    }
}

int NearestPoints::build(int begin, int end) {
    auto const index = static_cast<int>(nodes_.size());
    nodes_.push_back({begin, end});
    if (end - begin <= leaf_size) {
        return index;
    }
    Coordinates low, high;
    low.fill(std::numeric_limits<double>::infinity());
    high.fill(-std::numeric_limits<double>::infinity());
    for (int i = begin; i < end; ++i) {
        auto const& p = point(order_[static_cast<std::size_t>(i)]);
        for (std::size_t d = 0; d < p.size(); ++d) {
            low[d] = std::min(low[d], p[d]);
            high[d] = std::max(high[d], p[d]);
        }
    }
    std::size_t axis = 0;
    for (std::size_t d = 1; d < low.size(); ++d) {
        axis = high[d] - low[d] > high[axis] - low[axis] ? d : axis;
    }
    if (high[axis] <= low[axis]) {
        return index; // all in one place
    }
    int const middle = begin + (end - begin) / 2;
    std::nth_element(
        order_.begin() + begin, order_.begin() + middle, order_.begin() + end,
        [&](int a, int b) { return std::tuple{point(a)[axis], a} < std::tuple{point(b)[axis], b}; });
    auto const split = point(order_[static_cast<std::size_t>(middle)])[axis];
    auto const left = build(begin, middle);
    auto const right = build(middle, end);
    nodes_[static_cast<std::size_t>(index)] = {begin, end, static_cast<int>(axis), split, left, right};
    return index;
}

/// Keeps the best `count` so far as a heap with the worst on top.
class NearestPoints::Search {
  public:
    Search(NearestPoints const& tree, Coordinates const& at, std::size_t count)
        : tree_{tree}, at_{at}, count_{count} {}

    void visit(int index) {
        auto const& node = tree_.nodes_[static_cast<std::size_t>(index)];
        if (node.axis < 0) {
            for (int i = node.begin; i < node.end; ++i) {
                offer(tree_.order_[static_cast<std::size_t>(i)]);
            }
            return;
        }
        auto const beyond = at_[static_cast<std::size_t>(node.axis)] - node.split;
        visit(beyond < 0 ? node.left : node.right);
        if (best_.size() < count_ || beyond * beyond <= best_.front().distance) {
            visit(beyond < 0 ? node.right : node.left);
        }
    }
    std::vector<Neighbour> take() {
        std::ranges::sort(best_, nearer);
        for (auto& neighbour : best_) {
            neighbour.distance = std::sqrt(neighbour.distance);
        }
        return std::move(best_);
    }

  private:
    static bool nearer(Neighbour const& a, Neighbour const& b) {
        return std::tuple{a.distance, a.point} < std::tuple{b.distance, b.point};
    }
    void offer(int point) {
        Neighbour const candidate{point, squared_distance(tree_.point(point), at_)};
        if (best_.size() < count_) {
            best_.push_back(candidate);
            std::ranges::push_heap(best_, nearer);
        } else if (nearer(candidate, best_.front())) {
            std::ranges::pop_heap(best_, nearer);
            best_.back() = candidate;
            std::ranges::push_heap(best_, nearer);
        }
    }

    NearestPoints const& tree_;
    Coordinates const& at_;
    std::size_t count_;
    std::vector<Neighbour> best_;
};

std::vector<Neighbour> NearestPoints::nearest(Coordinates const& at, std::size_t count) const {
    if (points_.empty() || count == 0) {
        return {};
    }
    Search search{*this, at, count};
    search.visit(0);
    return search.take();
}

} // namespace moesaic::timing
