#include "timing/series.hpp"

#include "timing/local_plane.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace moesaic::timing {

namespace {

constexpr std::size_t neighbours = 14;
/// An 80 % interval is 1.2816 sigma to each side.
constexpr double sigmas_of_80 = 1.2816;

/// Factors on the coordinates: a step in a size that changes the efficiency more counts as longer.
Coordinates metric_of(Family family) {
    switch (family) {
    case Family::product:
        return {1.0, 0.8, 0.8, 0.8, 1, 1};
    case Family::moe_ffn:
        return {1.0, 0.8, 0.8, 0.8, 0.5, 0.5};
    case Family::attention:
        return {1.0, 1.0, 1.0, 0.7, 0.7, 0.5};
    case Family::memory_bound:
        return {1.0, 1.0, 1, 1, 1, 1};
    case Family::collective:
        return {1.0, 3.0, 3.0, 1, 1, 1};
    case Family::exchange:
        return {1.0, 1.0, 1.0, 1.0, 1.0, 1.0};
    case Family::whole_model:
        break;
    }
    return {1, 1, 1, 1, 1, 1};
}

Coordinates scaled(Coordinates at, Family family) {
    auto const metric = metric_of(family);
    for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] *= metric[i];
    }
    return at;
}

double median_of(std::vector<double>& values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) {
        return *middle;
    }
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

auto shape_key(Options const& o) {
    return std::tuple{o.heads, o.kv_heads, o.v_dim, o.window, o.topk, o.experts, o.ep, o.nodes, o.sms};
}

} // namespace

Series::Series(Kernel head, Roofline roofline, std::vector<Sample> const& samples)
    : head_{std::move(head)}, roofline_{roofline} {
    auto const key = [](Sample const& s) {
        return std::tuple{s.m, s.n, s.k, s.batch, shape_key(*s.options)};
    };
    auto sorted = samples;
    std::ranges::stable_sort(sorted, {}, key);
    auto const family = table_op(head_.op).family;
    std::vector<Coordinates> points;
    low_.fill(std::numeric_limits<double>::infinity());
    high_.fill(-std::numeric_limits<double>::infinity());
    for (auto at = sorted.begin(); at != sorted.end();) {
        auto const end = std::find_if(at, sorted.end(), [&](Sample const& s) { return key(s) != key(*at); });
        std::vector<double> times;
        std::transform(at, end, std::back_inserter(times), [](Sample const& s) { return s.time.value(); });
        auto kernel = head_;
        std::tie(kernel.m, kernel.n, kernel.k, kernel.batch, kernel.options) =
            std::tie(at->m, at->n, at->k, at->batch, *at->options);
        auto const bound = roofline_time(roofline_, work_of(kernel)).value();
        shapes_.push_back({at->m, at->n, at->k, at->batch, at->options, std::log(median_of(times) / bound)});
        points.push_back(scaled(coordinates_of(kernel), family));
        for (std::size_t i = 0; i < low_.size(); ++i) {
            low_[i] = std::min(low_[i], points.back()[i]);
            high_[i] = std::max(high_[i], points.back()[i]);
        }
        at = end;
    }
    nearest_ = NearestPoints{std::move(points)};
    calibrate();
}

Series::Raw Series::interpolate(Coordinates at, int passed_over) const {
    auto outside = 0.0;
    for (std::size_t i = 0; i < at.size(); ++i) {
        auto const held = std::clamp(at[i], low_[i], high_[i]);
        outside += std::abs(at[i] - held);
        at[i] = held;
    }
    auto const found = nearest_.nearest(at, neighbours, passed_over);
    if (found.empty()) {
        return {0, 0.5, 10};
    }
    auto const reach = found.back().distance + 1e-9;
    std::vector<WeightedPoint> points;
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (auto const& [index, distance] : found) {
        auto const value = shapes_[static_cast<std::size_t>(index)].log_ratio;
        auto const relative = distance / (1.05 * reach);
        auto const weight = (1 - relative * relative) / (0.05 + distance * distance);
        points.push_back({nearest_.point(index), value, weight});
        least = std::min(least, value);
        most = std::max(most, value);
    }
    auto const fit = fit_plane(points, at);
    auto const margin = 0.2 * (most - least) + 0.01;
    return {std::clamp(fit.value, least - margin, most + margin), fit.spread,
            found.front().distance + outside};
}

namespace {
/// Not yet calibrated doubt: scatter about the plane, way to the nearest shape.
double doubt(double spread, double distance) { return 0.01 + spread + 0.02 * distance; }
} // namespace

void Series::calibrate() {
    constexpr std::size_t at_most = 400;
    std::vector<double> ratios;
    auto const step = std::max<std::size_t>(1, shapes_.size() / at_most);
    for (std::size_t i = 0; i < shapes_.size() && shapes_.size() > 4; i += step) {
        auto const index = static_cast<int>(i);
        auto const raw = interpolate(nearest_.point(index), index);
        ratios.push_back(std::abs(raw.value - shapes_[i].log_ratio) / doubt(raw.spread, raw.distance));
    }
    if (ratios.size() < 5) {
        scale_ = 3;
        return;
    }
    auto const eighty = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() * 4 / 5);
    std::nth_element(ratios.begin(), eighty, ratios.end());
    scale_ = *eighty / sigmas_of_80;
}

SeriesEstimate Series::estimate(Kernel const& kernel) const {
    auto const at = scaled(coordinates_of(kernel), table_op(head_.op).family);
    for (auto const& [index, distance] : nearest_.nearest(at, 4)) {
        auto const& s = shapes_[static_cast<std::size_t>(index)];
        if (std::tie(s.m, s.n, s.k, s.batch) == std::tie(kernel.m, kernel.n, kernel.k, kernel.batch) &&
            shape_key(*s.options) == shape_key(kernel.options)) {
            return {s.log_ratio, 0.02, 0, true};
        }
    }
    auto const raw = interpolate(at, -1);
    return {raw.value, scale_ * doubt(raw.spread, raw.distance), raw.distance, false};
}

} // namespace moesaic::timing
