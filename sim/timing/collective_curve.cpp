#include "timing/collective_curve.hpp"

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

CurveTime time_on(CollectiveCurve const& curve, Bytes size) {
    auto const& x = curve.bytes;
    auto const& y = curve.seconds;
    auto const above = std::ranges::lower_bound(x, size.value());
    if (above == x.begin()) {
        return {Seconds{y.front()}, x.front() == size.value(), x.front() == size.value()};
    }
    if (above == x.end()) {
        return {Seconds{y.back() * size.value() / x.back()}, false, false};
    }
    auto const i = static_cast<std::size_t>(above - x.begin());
    auto const share = std::log(size.value() / x[i - 1]) / std::log(x[i] / x[i - 1]);
    return {Seconds{y[i - 1] * std::pow(y[i] / y[i - 1], share)}, x[i] == size.value(), true};
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
            auto sorted = times;
            std::ranges::sort(sorted);
            curve.bytes.push_back(bytes);
            curve.seconds.push_back(sorted[sorted.size() / 2]);
        }
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
    auto const size = rank_bytes / bytes_per_byte;
    auto const here = time_on(curve, size);
    // per further rank_bytes, from half of them to twice; below its least size the curve shows none
    auto const low = std::min(std::max(curve.bytes.front() / size.value(), 0.5), 1.9);
    auto const slope = (time_on(curve, size * 2.0).time - time_on(curve, size * low).time) / (2.0 - low);
    auto const whole = rank_bytes / here.time;
    auto const most = std::max(link, whole);
    auto const rate = slope.value() > 0 ? std::clamp(rank_bytes / slope, whole, most) : most;
    CollectiveCost out{here.time - rank_bytes / rate, rate, Evidence::interpolated, 0.05};
    out.startup = std::max(out.startup, Seconds{0});
    bool const measured = here.measured && !curve.condensed;
    out.evidence = measured ? Evidence::measured : Evidence::interpolated;
    out.sigma = measured ? 0.02 : here.inside ? 0.05 : 0.12;
    return out;
}

} // namespace moesaic::timing
