#include "planner/collector.hpp"

#include "planner/combine.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

namespace moesaic::planner {

namespace {

double rate_of(std::vector<double> const& per_chip, std::vector<int> const& chips) {
    return std::inner_product(chips.begin(), chips.end(), per_chip.begin(), 0.0);
}

} // namespace

double Objective::factor(std::vector<int> const& chips_by_pool) const {
    return power == 0.0 ? 1.0 : std::pow(rate_of(rate_per_chip, chips_by_pool), power);
}

double Outlay::purchase(std::size_t pool, double chips) const {
    return std::max(0.0, chips - owned[pool]) * price[pool];
}

double Outlay::of(double step_seconds, std::vector<int> const& chips_by_pool) const {
    double out = step_seconds * rate_of(running, chips_by_pool);
    for (std::size_t pool = 0; pool < chips_by_pool.size(); ++pool) {
        out += purchase(pool, chips_by_pool[pool]);
    }
    return out;
}

bool Limits::allow_chips(std::vector<int> const& chips_by_pool) const {
    return chips == 0 || std::accumulate(chips_by_pool.begin(), chips_by_pool.end(), 0) <= chips;
}

bool Limits::allow(double step, std::vector<int> const& chips_by_pool) const {
    return allow_chips(chips_by_pool) && (seconds == 0.0 || step <= seconds) &&
           (cost == 0.0 || step * rate_of(rate_per_chip, chips_by_pool) <= cost) &&
           (!outlay || outlay->of(step, chips_by_pool) <= outlay->money);
}

Collector::Collector(std::vector<Objective> objectives, Limits limits, std::size_t capacity)
    : objectives_{std::move(objectives)}, limits_{std::move(limits)}, capacity_{capacity},
      heaps_(1, std::vector<Heap>(objectives_.size())) {}

void Collector::begin(std::size_t lane) {
    lane_ = lane;
    if (lane >= heaps_.size()) {
        heaps_.resize(lane + 1, std::vector<Heap>(objectives_.size()));
    }
}

namespace {

constexpr auto order = [](auto const& a, auto const& b) {
    return std::tuple{a.value, a.bounded.number} < std::tuple{b.value, b.bounded.number};
};

} // namespace

void Collector::keep(Heap& heap, Entry entry) {
    heap.entries.push_back(std::move(entry));
    std::ranges::push_heap(heap.entries, order);
    if (heap.entries.size() > capacity_) {
        std::ranges::pop_heap(heap.entries, order);
        heap.dropped = std::min(heap.dropped, heap.entries.back().value);
        heap.entries.pop_back();
    }
}

void Collector::offer(double seconds, std::vector<int> const& chips_by_pool,
                      std::function<Candidate()> const& make) {
    counts_.considered = sum_of(counts_.considered, 1);
    if (!std::isfinite(seconds)) {
        ++counts_.unfit;
        return;
    }
    if (!limits_.allow(seconds, chips_by_pool)) {
        counts_.over_limits = sum_of(counts_.over_limits, 1);
        return;
    }
    auto const number = number_++;
    for (std::size_t i = 0; i < objectives_.size(); ++i) {
        auto& heap = heaps_[lane_][i];
        double const value = seconds * objectives_[i].factor(chips_by_pool);
        if (heap.entries.size() == capacity_ && value >= heap.entries.front().value) {
            heap.dropped = std::min(heap.dropped, value);
            continue;
        }
        keep(heap, {value, {make(), seconds, number}});
    }
}

void Collector::refuse(std::int64_t plans) {
    counts_.considered = sum_of(counts_.considered, plans);
    counts_.over_limits = sum_of(counts_.over_limits, plans);
}

void Collector::drop(std::int64_t plans, double least_seconds, double least_rate) {
    if (plans == 0) {
        return;
    }
    constexpr double rounding = 1e-12; // of a limit that was divided by the rate
    bool const costs_too_much =
        limits_.cost > 0.0 && least_seconds * least_rate >= limits_.cost * (1.0 - rounding);
    if (costs_too_much || (limits_.seconds > 0.0 && least_seconds >= limits_.seconds)) {
        refuse(plans);
        return;
    }
    counts_.considered = sum_of(counts_.considered, plans);
    counts_.slower = sum_of(counts_.slower, plans);
    for (std::size_t i = 0; i < objectives_.size(); ++i) {
        auto& dropped = heaps_[lane_][i].dropped;
        dropped = std::min(dropped, objectives_[i].power == 0.0 ? least_seconds : 0.0);
    }
}

std::vector<Bounded> Collector::best(std::size_t objective, std::size_t lane) const {
    auto entries = heaps_[lane][objective].entries;
    std::ranges::sort(entries, order);
    std::vector<Bounded> out;
    for (auto& entry : entries) {
        out.push_back(std::move(entry.bounded));
    }
    return out;
}

} // namespace moesaic::planner
