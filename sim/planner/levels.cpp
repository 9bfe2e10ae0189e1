#include "planner/levels.hpp"

#include "base/parallel_for.hpp"
#include "planner/combine.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

namespace moesaic::planner {

namespace {

Siblings siblings_of(Candidate const& candidate) {
    return {candidate.kinds,
            parallel::name_of(candidate.schedule) + (is_paired(candidate.schedule) ? "+" : "")};
}

/// Who shares out gradients sums its own share after every micro-batch, which saves memory traffic, and who shares out the
/// optimizer updates less: sharing more is then not always needless.
bool sum_alike(parallel::Plan const& a, parallel::Plan const& b) {
    return (a.zero < 2) == (b.zero < 2) && (a.zero > 0) == (b.zero > 0);
}

bool same_stages(parallel::Plan const& a, parallel::Plan const& b) {
    auto const stage = [](parallel::StageGroup const& g) {
        return std::tuple{g.stages, g.recompute, g.layers};
    };
    for (std::size_t k = 0; k < a.kinds.size(); ++k) {
        if (!std::ranges::equal(a.kinds[k].stage_groups, b.kinds[k].stage_groups, {}, stage, stage)) {
            return false;
        }
    }
    return true;
}

} // namespace

std::size_t Levels::entry_of(Bounded const& bounded) {
    auto const [at, is_new] = by_number_.try_emplace(bounded.number, entries_.size());
    if (is_new) {
        entries_.push_back({.bounded = bounded,
                            .lane = lanes_.of(bounded.candidate),
                            .chips = chips_by_pool(bounded.candidate, problem_.scenario.pools.size()),
                            .refined = {},
                            .path = {},
                            .simulated = {}});
    }
    return at->second;
}

Level Levels::next_of(Entry const& entry) const {
    if (!entry.refined) {
        return Level::settle;
    }
    return entry.path || request_.effort.exhaustive ? Level::simulate : Level::path;
}

void Levels::count(Level level, Entry const& entry) {
    auto& done = done_[entry.lane];
    if (level == Level::settle) {
        done.refined += 1.0;
        ++refined_;
    } else if (level == Level::simulate) {
        done.simulated += 1.0;
        ++simulated_;
    }
}

void Levels::look_closer(Level level, std::vector<std::size_t> const& entries) {
    switch (level) {
    case Level::settle:
        return settle(entries);
    case Level::path:
        return find_paths(entries);
    case Level::simulate:
        return simulate(entries);
    }
}

void Levels::settle(std::vector<std::size_t> const& which) {
    std::vector<std::optional<Refined>> refined(which.size());
    parallel_for(which.size(), request_.workers, [&](std::size_t i) {
        refined[i] = refine(problem_, times_, entries_[which[i]].bounded.candidate);
    });
    for (std::size_t i = 0; i < which.size(); ++i) {
        accept(entries_[which[i]], std::move(refined[i]));
    }
    tell(Stage::layers, refined_);
}

void Levels::accept(Entry& entry, std::optional<Refined> refined) {
    if (!refined) {
        entry.dropped = true;
        ++counts_.unfit;
        return;
    }
    refined->seconds = std::max(refined->seconds, entry.bounded.seconds);
    distances_[entry.lane][0].add(refined->seconds, entry.bounded.seconds);
    auto const [at, is_new] = least_shared_.try_emplace(siblings_of(entry.bounded.candidate), refined->plan);
    if (!is_new && !request_.effort.exhaustive && at->second.zero < refined->plan.zero &&
        sum_alike(at->second, refined->plan) && same_stages(at->second, refined->plan)) {
        entry.dropped = true;
        ++dominated_;
        return;
    }
    if (!request_.limits.allow(refined->seconds, entry.chips)) {
        refuse(entry);
        return;
    }
    entry.refined = std::move(refined);
}

void Levels::refuse(Entry& entry) {
    entry.dropped = true;
    counts_.over_limits = sum_of(counts_.over_limits, 1);
}

void Levels::find_paths(std::vector<std::size_t> const& which) {
    std::vector<parallel::Plan const*> plans;
    std::ranges::transform(which, std::back_inserter(plans),
                           [&](std::size_t i) { return &entries_[i].refined->plan; });
    auto const paths = paths_.of(plans);
    for (std::size_t i = 0; i < which.size(); ++i) {
        auto& entry = entries_[which[i]];
        entry.path = std::max(paths[i].seconds, entry.refined->seconds);
        done_[entry.lane].turns += static_cast<double>(paths[i].turns);
        distances_[entry.lane][1].add(*entry.path, entry.refined->seconds);
        if (!request_.limits.allow(*entry.path, entry.chips)) {
            refuse(entry);
        }
    }
    programs_ += static_cast<std::int64_t>(which.size());
    tell(Stage::programs, programs_);
}

void Levels::simulate(std::vector<std::size_t> const& which) {
    std::vector<parallel::Plan> plans;
    for (auto const i : which) {
        plans.push_back(entries_[i].refined->plan);
    }
    auto results = request_.simulate(plans);
    expects(results.size() == which.size(), "every plan is simulated");
    for (std::size_t i = 0; i < which.size(); ++i) {
        auto& entry = entries_[which[i]];
        distances_[entry.lane][2].add(results[i].seconds, entry.seconds());
        entry.simulated = std::move(results[i]);
    }
    tell(Stage::simulations, simulated_);
}

bool Levels::is_likely(Entry const& entry, double trust) const {
    auto const& [settled, path, simulated] = distances_[entry.lane];
    double above = 1.0;
    if (!entry.simulated) {
        above = simulated.mean() * (entry.path ? 1.0 : path.mean()) * (entry.refined ? 1.0 : settled.mean());
    }
    return request_.limits.allow(entry.seconds() * std::pow(above, trust), entry.chips);
}

} // namespace moesaic::planner
