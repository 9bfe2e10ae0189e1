#include "timing/collective_curve.hpp"

#include "base/normal.hpp"
#include "timing/repeated.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesaic::timing {

double rank_bytes_per_byte(CollectiveKind kind, int ranks) {
    auto const others = ranks > 1 ? static_cast<double>(ranks - 1) / ranks : 1.0;
    switch (kind) {
    case CollectiveKind::all_reduce:
        return 2 * others;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::all_to_all:
        return others;
    case CollectiveKind::broadcast:
    case CollectiveKind::send_recv:
        return 1;
    }
    throw BugError{"unknown collective"};
}

double nic_bytes_per_byte(CollectiveKind kind, int ranks, int nodes) {
    expects(nodes > 1 && ranks >= nodes, "ranks in several nodes");
    auto const per_node = static_cast<double>(ranks) / nodes;
    switch (kind) {
    case CollectiveKind::all_to_all:
        return (ranks - per_node) / ranks;
    case CollectiveKind::send_recv:
        return 1;
    default:
        return rank_bytes_per_byte(kind, ranks) / per_node;
    }
}

namespace {

/// What is expected of a curve of few sizes: 5 % between sizes that differ by a factor of two.
constexpr double usual_misses = 0.05 * sigmas_of_80 / 0.693;

double log_log(double x0, double y0, double x1, double y1, double x) {
    return y0 * std::pow(y1 / y0, std::log(x / x0) / std::log(x1 / x0));
}

} // namespace

namespace {

/// Below the least size a curve is nearly flat.
double sigma_below(double doublings) { return 0.08 + 0.05 * doublings; }

/// Above the greatest size its rate is taken to hold: what the last doubling won may go on for two more.
double sigma_above(CollectiveCurve const& curve, double doublings) {
    constexpr double least = 0.05, unknown_gain = 0.1, at_most = 2;
    auto const n = curve.bytes.size();
    auto const rate = [&](std::size_t i) { return curve.bytes[i] / curve.seconds[i]; };
    auto const gain =
        n < 2 ? unknown_gain
              : std::log(rate(n - 1) / rate(n - 2)) / std::log2(curve.bytes[n - 1] / curve.bytes[n - 2]);
    return least + std::max(0.0, gain) * std::min(at_most, doublings);
}

} // namespace

void learn_misses(CollectiveCurve& curve) {
    constexpr double believed = 6; // so many sizes is the usual miss worth
    auto const& x = curve.bytes;
    auto const& y = curve.seconds;
    std::vector<double> misses;
    for (std::size_t i = 1; i + 1 < x.size(); ++i) {
        auto const without = log_log(x[i - 1], y[i - 1], x[i + 1], y[i + 1], x[i]);
        misses.push_back(std::abs(std::log(without / y[i])) / std::log(x[i + 1] / x[i - 1]));
    }
    curve.misses = usual_misses;
    if (!misses.empty()) {
        auto const eighty = misses.begin() + static_cast<std::ptrdiff_t>(misses.size() * 4 / 5);
        std::ranges::nth_element(misses, eighty);
        auto const n = static_cast<double>(misses.size());
        curve.misses = (*eighty * n + usual_misses * believed) / (n + believed);
    }
}

CurveTime time_on(CollectiveCurve const& curve, Bytes size) {
    auto const as_measured = std::hypot(0.02, curve.disagreement);
    auto const& x = curve.bytes;
    auto const& y = curve.seconds;
    auto const above = std::ranges::lower_bound(x, size.value());
    if (above != x.end() && *above == size.value()) {
        return {Seconds{y[static_cast<std::size_t>(above - x.begin())]}, true, as_measured};
    }
    if (above == x.begin()) {
        return {Seconds{y.front()}, false, sigma_below(std::log2(x.front() / size.value()))};
    }
    if (above == x.end()) {
        return {Seconds{y.back() * size.value() / x.back()}, false,
                sigma_above(curve, std::log2(size.value() / x.back()))};
    }
    auto const i = static_cast<std::size_t>(above - x.begin());
    return {Seconds{log_log(x[i - 1], y[i - 1], x[i], y[i], size.value())}, false,
            std::max(as_measured, curve.misses / sigmas_of_80 * std::log(x[i] / x[i - 1]))};
}

namespace {

bool is_of_its_own_fabric(StoredSeries const& series, bool beyond_node) {
    return series.unlike_fabric == UnlikeFabric::always ||
           (beyond_node && (series.unlike_fabric == UnlikeFabric::between_nodes || series.holds_host_time));
}

void add_curves(StoredSeries const& series, bool beyond_node, std::vector<CollectiveCurve>& out) {
    std::map<std::pair<int, int>, std::map<double, std::vector<double>>> by_ranks;
    for (auto const& s : series.samples) {
        if ((s.options->nodes > 1) == beyond_node) {
            by_ranks[{static_cast<int>(s.batch), s.options->nodes}][static_cast<double>(s.m)].push_back(
                s.time.value());
        }
    }
    for (auto const& [ranks, points] : by_ranks) {
        CollectiveCurve curve{.ranks = ranks.first,
                              .nodes = ranks.second,
                              .bytes = {},
                              .seconds = {},
                              .condensed = series.condensed,
                              .chip = series.chip};
        curve.grade = series.holds_host_time ? Grade::c : series.grade;
        for (auto const& [bytes, times] : points) {
            auto const measured = repeated(times);
            curve.bytes.push_back(bytes);
            curve.seconds.push_back(measured.time.value());
            curve.disagreement = std::max(curve.disagreement, measured.sigma);
        }
        learn_misses(curve);
        out.push_back(std::move(curve));
    }
}

} // namespace

std::vector<CollectiveCurve> curves_of(StoreView const& store, hardware::Chip const& chip,
                                       CollectiveKind kind, bool beyond_node) {
    std::vector<CollectiveCurve> out;
    auto const op = find_table_op(name_of(kind));
    expects(op.has_value(), "every collective has a name in the tables");
    for (int const index : store.of_op(*op, chip)) {
        auto const& series = store.stored(index);
        if (!is_of_its_own_fabric(series, beyond_node)) {
            add_curves(series, beyond_node, out);
        }
    }
    return out;
}

CollectiveCost split_time(CollectiveCurve const& curve, Bytes rank_bytes, double bytes_per_byte,
                          BytesPerSecond link) {
    constexpr double between_measured = 0.05; // of cells of a grid, and of curves that happen to be smooth
    auto const size = rank_bytes / bytes_per_byte;
    auto const here = time_on(curve, size);
    // per further rank_bytes, from half of them to twice; below its least size the curve shows none
    auto const low = std::min(std::max(curve.bytes.front() / size.value(), 0.5), 1.9);
    auto const slope = (time_on(curve, size * 2.0).time - time_on(curve, size * low).time) / (2.0 - low);
    auto const whole = rank_bytes / here.time;
    auto const most = std::max(link, whole);
    auto const rate = slope.value() > 0 ? std::clamp(rank_bytes / slope, whole, most) : most;
    CollectiveCost out{here.time - rank_bytes / rate, rate, Evidence::interpolated, here.sigma};
    out.startup = std::max(out.startup, Seconds{0});
    if (here.measured && !curve.condensed) {
        out.evidence = Evidence::measured;
    } else {
        out.sigma = std::max(out.sigma, between_measured);
    }
    return out;
}

} // namespace moesaic::timing
