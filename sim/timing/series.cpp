#include "timing/series.hpp"

#include "timing/repeated.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace moesaic::timing {

namespace {

auto sizes_of(Options const& o) {
    return std::tuple{o.heads, o.kv_heads, o.v_dim, o.window, o.topk, o.experts, o.ep, o.nodes, o.sms};
}

/// By which samples and shapes are sorted.
auto shape_of(auto const& s) { return std::tuple{s.m, s.n, s.k, s.batch, sizes_of(*s.options)}; }

Repeated repeated_of(std::vector<Sample>::const_iterator begin, std::vector<Sample>::const_iterator end) {
    std::vector<double> times;
    std::transform(begin, end, std::back_inserter(times), [](Sample const& s) { return s.time.value(); });
    return repeated(std::move(times));
}

} // namespace

Series::Series(Kernel const& head, Roofline const& roofline, std::vector<Sample> const& samples) {
    auto const& smoothness = smoothness_of(table_op(head.op).family);
    auto sorted = samples;
    std::ranges::stable_sort(sorted, {}, [](Sample const& s) { return shape_of(s); });
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
        auto const measured = repeated_of(at, end);
        shapes_.push_back(
            {at->m, at->n, at->k, at->batch, at->options, std::hypot(at->spread, measured.sigma)});
        log_ratios_.push_back(std::log(measured.time / bound));
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

std::optional<int> Series::find(Kernel const& kernel) const {
    auto const wanted = std::tuple{kernel.m, kernel.n, kernel.k, kernel.batch, sizes_of(kernel.options)};
    auto const shape = [](auto const& s) { return shape_of(s); };
    auto const at = std::ranges::lower_bound(shapes_, wanted, {}, shape);
    return at != shapes_.end() && shape_of(*at) == wanted
               ? std::optional{static_cast<int>(at - shapes_.begin())}
               : std::nullopt;
}

Coordinates Series::held(Coordinates at) const {
    for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] = std::clamp(at[i], low_[i], high_[i]);
    }
    return at;
}

} // namespace moesaic::timing
