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

/// Libraries whose times hold host work that a training run does not see (README of the collection).
bool has_host_floor(std::string_view source) { return source == "vidur"; }

CollectiveCurve make_curve(int ranks, int nodes, std::map<double, std::vector<double>> const& points) {
    CollectiveCurve curve{.ranks = ranks, .nodes = nodes, .bytes = {}, .seconds = {}, .library = {}};
    for (auto const& [bytes, times] : points) {
        auto sorted = times;
        std::ranges::sort(sorted);
        curve.bytes.push_back(bytes);
        curve.seconds.push_back(sorted[sorted.size() / 2]);
    }
    return curve;
}

void add_curves(StoredSeries const& series, std::vector<CollectiveCurve>& out) {
    std::map<std::pair<int, int>, std::map<double, std::vector<double>>> by_ranks;
    for (auto const& s : series.samples) {
        by_ranks[{static_cast<int>(s.batch), s.options->nodes}][static_cast<double>(s.m)].push_back(
            s.time.value());
    }
    for (auto const& [key, points] : by_ranks) {
        auto curve = make_curve(key.first, key.second, points);
        curve.grade = has_host_floor(series.source) ? Grade::c : series.grade;
        curve.library = series.options->library;
        out.push_back(std::move(curve));
    }
}

} // namespace

std::vector<CollectiveCurve> curves_of(TimingStore const& store, hardware::Chip const& chip,
                                       CollectiveKind kind) {
    std::vector<CollectiveCurve> out;
    auto const op = find_table_op(name_of(kind));
    for (auto const& name : chip.timing_names) {
        for (auto const& series : store.all()) {
            if (series.chip == name && series.op == op) {
                add_curves(series, out);
            }
        }
    }
    std::ranges::stable_sort(out, {}, [](CollectiveCurve const& c) {
        return std::tuple{c.grade, -static_cast<int>(c.bytes.size())};
    });
    return out;
}

namespace {

struct Published {
    double share;        ///< of the link, for large messages
    double startup;      ///< seconds, at 8 ranks of a node or between two nodes
    double per_doubling; ///< seconds more for twice the ranks (nodes)
};

/// Where a chip has no curve of its own. Shares: nccl-tests at 512 MiB on NVLink (aiconfigurator nccl_perf):
/// all-reduce 0.72 to 0.80 of the link on H100, H200 and B200, all-gather and all-to-all 0.70 to 0.80. Over
/// NICs: 0.94 of the line rate (SimAI calbusbw), 0.86 seen in all-reduce over 8 nodes of MI325X (344 of 400
/// GB/s), DeepEP 43 to 58 GB/s of a 50 GB/s NIC. Start-up: 8 KiB all-reduce 17 us on 8 H100 (nccl-tests), 42
/// us on 2 nodes of MI355X, 68 us on 4 nodes of H100.
Published published(CollectiveKind kind, bool in_node) {
    switch (kind) {
    case CollectiveKind::all_reduce:
        return in_node ? Published{0.75, 17e-6, 5e-6} : Published{0.88, 42e-6, 25e-6};
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
        return in_node ? Published{0.73, 14e-6, 4e-6} : Published{0.88, 30e-6, 15e-6};
    case CollectiveKind::all_to_all:
        return in_node ? Published{0.73, 14e-6, 4e-6} : Published{0.85, 30e-6, 10e-6};
    case CollectiveKind::broadcast:
        return in_node ? Published{0.73, 12e-6, 4e-6} : Published{0.88, 25e-6, 10e-6};
    case CollectiveKind::send_recv:
        return in_node ? Published{0.75, 8e-6, 0} : Published{0.9, 12e-6, 0};
    }
    throw BugError{"unknown collective"};
}

CollectiveCost published_cost(hardware::NodeType const& node, CollectiveQuestion const& q) {
    bool const in_node = q.tier == hardware::Tier::node || q.tier == hardware::Tier::self;
    auto const p = published(q.kind, in_node);
    auto const nic = node.nic_bandwidth.value.value() * node.nics / std::max(node.chips, 1);
    auto const link = in_node ? node.scale_up.bandwidth.value.value() : nic;
    auto const members = in_node ? q.ranks / 8.0 : q.nodes / 2.0;
    auto const startup =
        std::max(p.startup + p.per_doubling * std::log2(std::max(members, 0.25)), p.startup / 2);
    return {Seconds{startup}, BytesPerSecond{p.share * link}, Evidence::transferred, in_node ? 0.2 : 0.25};
}

/// Start-up time and rate that give back the measured time at this size and follow the curve around it.
CollectiveCost split_time(CollectiveCurve const& curve, CollectiveQuestion const& q) {
    auto const factor = rank_bytes_per_byte(q.kind, curve.ranks);
    Bytes const size{q.rank_bytes.value() / factor};
    auto const here = time_on(curve, size);
    auto const less = time_on(curve, size * 0.5), more = time_on(curve, size * 2.0);
    auto const slope =
        (more.time - less.time).value() / (1.5 * size.value() * factor); // seconds per byte sent
    CollectiveCost out{Seconds{0}, BytesPerSecond{q.rank_bytes / here.time}, Evidence::interpolated, 0.05};
    if (slope > 0) {
        auto const startup = here.time.value() - slope * q.rank_bytes.value();
        if (startup > 0) {
            out.startup = Seconds{startup};
            out.attainable = BytesPerSecond{1 / slope};
        }
    }
    out.evidence = here.measured && curve.ranks == q.ranks ? Evidence::measured : Evidence::interpolated;
    out.sigma = here.measured ? 0.02 : here.inside ? 0.05 : 0.12;
    return out;
}

} // namespace

CollectiveCost collective_cost(TimingStore const& store, hardware::NodeType const& node,
                               CollectiveQuestion const& q) {
    if (q.tier == hardware::Tier::node && q.rank_bytes.value() > 0) {
        for (auto const& curve : curves_of(store, node.chip, q.kind)) {
            if (curve.nodes == 1 && curve.ranks == q.ranks) {
                return split_time(curve, q);
            }
        }
    }
    return published_cost(node, q);
}

} // namespace moesaic::timing
