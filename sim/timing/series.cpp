#include "timing/series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace moesaic::timing {

namespace {

auto sizes_of(Options const& o) {
    return std::tuple{o.heads, o.kv_heads, o.v_dim, o.window, o.topk, o.experts, o.ep, o.nodes, o.sms};
}

auto shape_of(Sample const& s) { return std::tuple{s.m, s.n, s.k, s.batch, sizes_of(*s.options)}; }

double median_time(std::vector<Sample>::const_iterator begin, std::vector<Sample>::const_iterator end) {
    std::vector<double> times;
    std::transform(begin, end, std::back_inserter(times), [](Sample const& s) { return s.time.value(); });
    std::ranges::sort(times);
    auto const middle = times.size() / 2;
    return times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
}

/// Standard error of ln(time) where one shape was measured more than once.
double disagreement(std::vector<Sample>::const_iterator begin, std::vector<Sample>::const_iterator end) {
    auto const count = static_cast<double>(end - begin);
    if (count < 2) {
        return 0.0;
    }
    double sum = 0.0, squares = 0.0;
    std::for_each(begin, end, [&](Sample const& s) { sum += std::log(s.time.value()); });
    std::for_each(begin, end, [&](Sample const& s) {
        auto const off = std::log(s.time.value()) - sum / count;
        squares += off * off;
    });
    return std::sqrt(squares / (count - 1) / count);
}

} // namespace

Series::Series(Kernel const& head, Roofline const& roofline, std::vector<Sample> const& samples) {
    auto const& smoothness = smoothness_of(table_op(head.op).family);
    auto sorted = samples;
    std::ranges::stable_sort(sorted, {}, shape_of);
    std::vector<Coordinates> points;
    low_.fill(std::numeric_limits<double>::infinity());
    high_.fill(-std::numeric_limits<double>::infinity());
    auto kernel = head;
    for (auto at = sorted.cbegin(); at != sorted.cend();) {
        auto const end =
            std::find_if(at, sorted.cend(), [&](Sample const& s) { return shape_of(s) != shape_of(*at); });
        std::tie(kernel.m, kernel.n, kernel.k, kernel.batch, kernel.options) =
            std::tie(at->m, at->n, at->k, at->batch, *at->options);
        auto const bound = roofline_time(roofline, work_of(kernel)) + Seconds{smoothness.launch};
        shapes_.push_back(
            {at->m, at->n, at->k, at->batch, at->options, std::hypot(at->spread, disagreement(at, end))});
        log_ratios_.push_back(std::log(median_time(at, end) / bound.value()));
        points.push_back(scaled(coordinates_of(kernel), smoothness));
        for (std::size_t i = 0; i < low_.size(); ++i) {
            low_[i] = std::min(low_[i], points.back()[i]);
            high_[i] = std::max(high_[i], points.back()[i]);
        }
        at = end;
    }
    points_ = NearestPoints{std::move(points)};
}

Kernel Series::kernel(Kernel head, int shape) const {
    auto const& s = shapes_[static_cast<std::size_t>(shape)];
    std::tie(head.m, head.n, head.k, head.batch, head.options) = std::tie(s.m, s.n, s.k, s.batch, *s.options);
    return head;
}

std::optional<int> Series::find(Kernel const& kernel, Coordinates const& at) const {
    for (auto const& [index, distance] : points_.nearest(at, 4)) {
        auto const& s = shapes_[static_cast<std::size_t>(index)];
        if (std::tie(s.m, s.n, s.k, s.batch) == std::tie(kernel.m, kernel.n, kernel.k, kernel.batch) &&
            sizes_of(*s.options) == sizes_of(kernel.options)) {
            return index;
        }
    }
    return std::nullopt;
}

Coordinates Series::held(Coordinates at) const {
    for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] = std::clamp(at[i], low_[i], high_[i]);
    }
    return at;
}

} // namespace moesaic::timing
