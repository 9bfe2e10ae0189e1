#include "planner/search.hpp"

#include "base/parallel_for.hpp"
#include "planner/longest_paths.hpp"
#include "planner/refine.hpp"
#include "planner/space.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

namespace moesaic::planner {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// A candidate on its way through the levels.
struct Entry {
    Bounded bounded;
    std::vector<int> chips;
    std::optional<Refined> refined;
    std::optional<double> path;
    std::optional<Simulated> simulated;
    bool dropped = false;

    /// The best that is known of it.
    [[nodiscard]] double seconds() const {
        return simulated ? simulated->seconds : path ? *path : refined ? refined->seconds : bounded.seconds;
    }
};

/// What an entry waits for. Entries are looked at in batches, whose size is the same for any number of workers. Large ones
/// are quicker, but spend on entries that those before them would have ruled out.
enum class Level { settle, path, simulate };
constexpr std::size_t levels = 3;
constexpr std::array<std::size_t, levels> together{32, 8, 4};

/// Plans that differ in nothing but how much is shared out.
using Siblings = std::pair<std::vector<KindChoice>, std::string>;

Siblings siblings_of(Candidate const& candidate) {
    return {candidate.kinds,
            parallel::name_of(candidate.schedule) + (is_paired(candidate.schedule) ? "+" : "")};
}

/// Who shares out gradients sums its own share after every micro-batch, which saves memory traffic: sharing more is then
/// not always needless.
bool sum_alike(parallel::Plan const& a, parallel::Plan const& b) { return (a.zero < 2) == (b.zero < 2); }

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

/// The least value first; of equals the entry that came first.
struct Known {
    double value;
    std::size_t entry;
    bool operator>(Known const& other) const {
        return std::tuple{value, entry} > std::tuple{other.value, other.entry};
    }
};
using Queue = std::priority_queue<Known, std::vector<Known>, std::greater<>>;

/// Entries to be looked at together.
struct Waiting {
    std::array<std::vector<std::size_t>, levels> of;

    /// @return whether the batch is full
    bool add(Level level, std::size_t entry) {
        auto& batch = of[static_cast<std::size_t>(level)];
        batch.push_back(entry);
        return batch.size() == together[static_cast<std::size_t>(level)];
    }
    /// The first level for which any waits.
    [[nodiscard]] std::optional<Level> first() const {
        for (std::size_t level = 0; level < levels; ++level) {
            if (!of[level].empty()) {
                return static_cast<Level>(level);
            }
        }
        return std::nullopt;
    }
};

class Search {
  public:
    Search(Problem const& problem, Request const& request)
        : problem_{problem}, request_{request}, degrees_{degrees_of(problem.scenario)},
          times_{problem, degrees_.recompute}, paths_{problem, request.workers},
          to_{objectives(), request.limits,
              request.effort.exhaustive
                  ? everything
                  : kept_per_refined * static_cast<std::size_t>(request.effort.refined)} {}

    Outcome run() {
        explore();
        Outcome out;
        auto const all = objectives();
        double effort =
            0.0; // those that are asked have all of it, each that only helps the front a little more
        for (std::size_t i = 0; i < all.size(); ++i) {
            effort += is_asked(all[i]) ? 1.0 : 0.15;
            auto const rest = follow(i, effort);
            if (i == 0) {
                out.rest_at_least = rest;
            }
        }
        out.counts = to_.counts();
        out.refined = std::accumulate(refined_.begin(), refined_.end(), std::int64_t{0});
        out.dominated = dominated_;
        out.programs = programs_;
        out.simulated = simulated_;
        out.best = best_of(request_.objective);
        if (request_.second) {
            out.best_by_second = best_of(*request_.second);
        }
        out.front = pareto();
        return out;
    }

  private:
    static constexpr std::size_t everything = 1'000'000;
    /// Of the closed form, for each that may have its layers settled: those that do not fit make room for others.
    static constexpr std::size_t kept_per_refined = 4;

    /// Those that were asked, then what a front of time against cost is made from, each once.
    [[nodiscard]] std::vector<Objective> objectives() const {
        std::vector<Objective> out{request_.objective};
        auto const add = [&out](Objective const& one) {
            if (std::ranges::find(out, one) == out.end()) {
                out.push_back(one);
            }
        };
        if (request_.second) {
            add(*request_.second);
        }
        auto between = request_.cost;
        between.power = 0.5;
        std::ranges::for_each(
            std::vector{Objective{request_.cost.rate_per_chip, 0.0}, between, request_.cost}, add);
        return out;
    }
    [[nodiscard]] bool is_asked(Objective const& one) const {
        return one == request_.objective || one == request_.second;
    }

    void explore() {
        Space const space{problem_, degrees_, times_, to_};
        auto const& uses = problem_.scenario.search.pools;
        if (uses.alone) {
            explore_single_pools(space);
        }
        bool const mixes = problem_.scenario.pools.size() > 1;
        if (mixes && uses.replicas) {
            explore_replica_mixes(space);
        }
        if (mixes && uses.stages) {
            explore_stage_mixes(space);
        }
        tell(Stage::space, to_.counts().considered);
    }

    /// Looks closer at the best of one objective until it is simulated. @return what no other can be better than
    /// @param effort so many times the request's, that of those before included
    double follow(std::size_t at, double effort);
    /// none where there is no effort left for the entry
    [[nodiscard]] std::optional<Level> next_level(Entry const& entry, double effort) const;
    /// What it takes, as far as that is known before.
    void count(Level level, Entry const& entry) {
        refined_[place_of(entry)] += level == Level::settle ? 1 : 0;
        simulated_ += level == Level::simulate ? 1 : 0;
    }
    void look_closer(Level level, std::vector<std::size_t> const& entries);
    void settle(std::vector<std::size_t> const& entries);
    void accept(Entry& entry, std::optional<Refined> refined);
    void find_paths(std::vector<std::size_t> const& entries);
    void simulate(std::vector<std::size_t> const& entries);
    [[nodiscard]] std::size_t entry_of(Bounded const& bounded);
    [[nodiscard]] static std::size_t place_of(Entry const& entry) {
        return static_cast<std::size_t>(use_of(entry.bounded.candidate));
    }
    [[nodiscard]] Planned planned(Entry const& entry, Objective const& objective) const;
    [[nodiscard]] std::vector<Planned> ranked(Objective const& objective) const;
    [[nodiscard]] std::vector<Planned> best_of(Objective const& objective) const;
    [[nodiscard]] std::vector<Planned> pareto() const;

    void tell(Stage stage, std::int64_t done) const {
        if (request_.progress) {
            request_.progress({stage, done});
        }
    }

    Problem const& problem_;
    Request const& request_;
    Degrees degrees_;
    LayerTimes times_;
    LongestPaths paths_;
    Collector to_;
    std::vector<Entry> entries_;
    std::map<std::int64_t, std::size_t> by_number_;
    std::map<Siblings, parallel::Plan> least_shared_;
    std::array<std::int64_t, use_count> refined_{}, turns_{}; ///< by use
    std::int64_t dominated_ = 0, programs_ = 0, simulated_ = 0;
};

std::size_t Search::entry_of(Bounded const& bounded) {
    auto const [at, is_new] = by_number_.try_emplace(bounded.number, entries_.size());
    if (is_new) {
        entries_.push_back({.bounded = bounded,
                            .chips = chips_by_pool(bounded.candidate, problem_.scenario.pools.size()),
                            .refined = {},
                            .path = {},
                            .simulated = {}});
    }
    return at->second;
}

void Search::look_closer(Level level, std::vector<std::size_t> const& entries) {
    switch (level) {
    case Level::settle:
        return settle(entries);
    case Level::path:
        return find_paths(entries);
    case Level::simulate:
        return simulate(entries);
    }
}

void Search::settle(std::vector<std::size_t> const& which) {
    std::vector<std::optional<Refined>> refined(which.size());
    parallel_for(which.size(), request_.workers, [&](std::size_t i) {
        refined[i] = refine(problem_, times_, entries_[which[i]].bounded.candidate);
    });
    for (std::size_t i = 0; i < which.size(); ++i) {
        accept(entries_[which[i]], std::move(refined[i]));
    }
    tell(Stage::layers, std::accumulate(refined_.begin(), refined_.end(), std::int64_t{0}));
}

void Search::accept(Entry& entry, std::optional<Refined> refined) {
    if (!refined) {
        entry.dropped = true;
        ++to_.counts().unfit;
        return;
    }
    refined->seconds = std::max(refined->seconds, entry.bounded.seconds);
    auto const [at, is_new] = least_shared_.try_emplace(siblings_of(entry.bounded.candidate), refined->plan);
    if (!is_new && !request_.effort.exhaustive && at->second.zero < refined->plan.zero &&
        sum_alike(at->second, refined->plan) && same_stages(at->second, refined->plan)) {
        entry.dropped = true;
        ++dominated_;
        return;
    }
    if (!request_.limits.allow(refined->seconds, entry.chips)) {
        entry.dropped = true;
        ++to_.counts().over_limits;
        return;
    }
    entry.refined = std::move(refined);
}

void Search::find_paths(std::vector<std::size_t> const& which) {
    std::vector<parallel::Plan const*> plans;
    std::ranges::transform(which, std::back_inserter(plans),
                           [&](std::size_t i) { return &entries_[i].refined->plan; });
    auto const paths = paths_.of(plans);
    for (std::size_t i = 0; i < which.size(); ++i) {
        auto& entry = entries_[which[i]];
        entry.path = std::max(paths[i].seconds, entry.refined->seconds);
        turns_[place_of(entry)] += paths[i].turns;
    }
    programs_ += static_cast<std::int64_t>(which.size());
    tell(Stage::programs, programs_);
}

void Search::simulate(std::vector<std::size_t> const& which) {
    std::vector<parallel::Plan> plans;
    for (auto const i : which) {
        plans.push_back(entries_[i].refined->plan);
    }
    auto results = request_.simulate(plans);
    expects(results.size() == which.size(), "every plan is simulated");
    for (std::size_t i = 0; i < which.size(); ++i) {
        entries_[which[i]].simulated = std::move(results[i]);
    }
    tell(Stage::simulations, simulated_);
}

std::optional<Level> Search::next_level(Entry const& entry, double effort) const {
    auto const left = [effort](std::int64_t done, std::int64_t most) {
        return static_cast<double>(done) < static_cast<double>(most) * effort;
    };
    // unlike uses are not weighed against each other by bounds: each may take half
    auto const left_for_use = [&](auto const& done, std::int64_t most) {
        double const part = problem_.scenario.pools.size() > 1 ? 0.5 : 1.0;
        return static_cast<double>(done[place_of(entry)]) < static_cast<double>(most) * effort * part;
    };
    auto const& most = request_.effort;
    if (!entry.refined) {
        return left_for_use(refined_, most.refined) ? std::optional{Level::settle} : std::nullopt;
    }
    if (!entry.path && !most.exhaustive) {
        return left_for_use(turns_, most.turns) ? std::optional{Level::path} : std::nullopt;
    }
    return left(simulated_, most.simulations) ? std::optional{Level::simulate} : std::nullopt;
}

double Search::follow(std::size_t at, double effort) {
    auto const& objective = to_.objective(at);
    Queue queue;
    auto const push = [&](std::size_t i) {
        if (!entries_[i].dropped) {
            queue.push({entries_[i].seconds() * objective.factor(entries_[i].chips), i});
        }
    };
    for (auto const& bounded : to_.best(at)) {
        push(entry_of(bounded));
    }
    Waiting waiting;
    auto const flush = [&](Level level) {
        auto const entries = std::exchange(waiting.of[static_cast<std::size_t>(level)], {});
        look_closer(level, entries);
        std::ranges::for_each(entries, push);
    };
    int wanted = is_asked(objective) ? request_.top : 1;
    double skipped = never; // the least of what there was no effort left for
    while (wanted > 0 && (!queue.empty() || waiting.first())) {
        if (auto const level = waiting.first();
            level && (queue.empty() || entries_[queue.top().entry].simulated)) {
            flush(*level);
            continue;
        }
        auto const next = queue.top();
        queue.pop();
        auto const& entry = entries_[next.entry];
        if (entry.simulated) {
            wanted -= request_.effort.exhaustive ? 0 : 1;
            continue;
        }
        auto const level = next_level(entry, request_.effort.exhaustive ? never : effort);
        if (!level) {
            skipped = std::min(skipped, next.value);
            continue;
        }
        count(*level, entry);
        if (waiting.add(*level, next.entry)) {
            flush(*level);
        }
    }
    return std::min({to_.least_dropped(at), skipped, queue.empty() ? never : queue.top().value});
}

Planned Search::planned(Entry const& entry, Objective const& objective) const {
    return {entry.refined->plan,
            entry.chips,
            entry.simulated->seconds,
            entry.refined->seconds,
            entry.path.value_or(entry.refined->seconds),
            entry.simulated->seconds * objective.factor(entry.chips),
            entry.simulated->bound_by};
}

std::vector<Planned> Search::ranked(Objective const& objective) const {
    std::vector<Entry const*> simulated;
    for (auto const& entry : entries_) {
        if (entry.simulated && request_.limits.allow(entry.simulated->seconds, entry.chips)) {
            simulated.push_back(&entry);
        }
    }
    std::ranges::sort(simulated, {}, [&](Entry const* e) {
        return std::tuple{e->simulated->seconds * objective.factor(e->chips), e->bounded.number};
    });
    std::vector<Planned> out;
    std::ranges::transform(simulated, std::back_inserter(out),
                           [&](Entry const* e) { return planned(*e, objective); });
    return out;
}

std::vector<Planned> Search::best_of(Objective const& objective) const {
    auto out = ranked(objective);
    out.resize(std::min(out.size(), static_cast<std::size_t>(request_.top)));
    return out;
}

std::vector<Planned> Search::pareto() const {
    auto all = ranked(request_.objective);
    auto const cost = [&](Planned const& p) { return p.seconds * request_.cost.factor(p.chips); };
    std::ranges::stable_sort(all, {}, [&](Planned const& p) { return std::tuple{p.seconds, cost(p)}; });
    std::vector<Planned> out;
    for (auto& plan : all) {
        if (out.empty() || cost(plan) < cost(out.back())) {
            out.push_back(std::move(plan));
        }
    }
    return out;
}

} // namespace

Outcome search(Problem const& problem, Request const& request) { return Search{problem, request}.run(); }

} // namespace moesaic::planner
