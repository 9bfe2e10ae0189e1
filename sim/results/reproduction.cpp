#include "results/reproduction.hpp"

#include "base/errors.hpp"
#include "base/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace moesaic::results {

double error_of(Reproduced const& run) { return std::log(run.simulated / run.published); }

bool is_inside(Reproduced const& run) {
    return run.interval.low <= run.published && run.published <= run.interval.high;
}

namespace {

std::vector<double> ranks_of(std::vector<double> const& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
    std::vector<double> ranks(values.size());
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && values[order[end]] == values[order[begin]]) {
            ++end;
        }
        for (auto i = begin; i < end; ++i) {
            ranks[order[i]] = static_cast<double>(begin + end - 1) / 2.0;
        }
    }
    return ranks;
}

} // namespace

std::optional<double> rank_correlation(std::vector<double> const& a, std::vector<double> const& b) {
    expects(a.size() == b.size(), "pairs");
    if (a.size() < 3) {
        return std::nullopt;
    }
    auto const x = ranks_of(a), y = ranks_of(b);
    double const mean = static_cast<double>(a.size() - 1) / 2.0;
    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xx > 0.0 && yy > 0.0 ? std::optional{xy / std::sqrt(xx * yy)} : std::nullopt;
}

GroupAccuracy accuracy_of(std::string group, std::vector<Reproduced const*> const& runs) {
    expects(!runs.empty(), "a group has runs");
    GroupAccuracy out{.group = std::move(group), .records = runs.size()};
    std::vector<double> signed_errors, errors, published, simulated, published_rate, simulated_rate;
    for (auto const* run : runs) {
        signed_errors.push_back(error_of(*run));
        errors.push_back(std::abs(signed_errors.back()));
        published.push_back(run->published.value());
        simulated.push_back(run->simulated.value());
        published_rate.push_back(run->model_flop / run->published.value());
        simulated_rate.push_back(run->model_flop / run->simulated.value());
        out.coverage += is_inside(*run) ? 1.0 / static_cast<double>(runs.size()) : 0.0;
    }
    out.median = median(errors);
    out.p90 = quantile(errors, 0.9);
    out.mean = std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
    out.bias = median(signed_errors);
    out.rank_correlation = rank_correlation(published, simulated);
    out.rate_rank_correlation = rank_correlation(published_rate, simulated_rate);
    return out;
}

std::vector<GroupAccuracy> accuracy_by_group(std::vector<Reproduced> const& runs) {
    std::map<std::pair<int, std::string>, std::vector<Reproduced const*>>
        groups; // ordered by kind, then by name
    for (auto const& run : runs) {
        if (!run.problem.empty() || !run.flag.empty()) {
            continue;
        }
        groups[{0, "all"}].push_back(&run);
        groups[{1, "vendor " + run.vendor}].push_back(&run);
        groups[{2, "chip " + run.chip}].push_back(&run);
        groups[{3, run.mixture_of_experts ? "model MoE" : "model dense"}].push_back(&run);
        groups[{4, (run.mixture_of_experts ? "MoE on " : "dense on ") + run.vendor}].push_back(&run);
        groups[{5, run.software_known ? "software described" : "software not described"}].push_back(&run);
        groups[{6, "paper " + run.paper}].push_back(&run);
        groups[{7, "group " + run.group}].push_back(&run);
    }
    std::vector<GroupAccuracy> out;
    for (auto const& [key, members] : groups) {
        out.push_back(accuracy_of(key.second, members));
    }
    return out;
}

} // namespace moesaic::results
