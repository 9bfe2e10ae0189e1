#include "planner/search.hpp"

#include "engine/step_bound.hpp"
#include "planner/refine.hpp"
#include "planner/space.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <queue>
#include <set>

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

class Search {
  public:
    Search(Problem const& problem, Request const& request)
        : problem_{problem}, request_{request}, degrees_{degrees_of(problem.scenario)},
          times_{problem, degrees_.recompute},
          to_{objectives(), request.limits, request.effort.exhaustive ? everything : request.effort.kept} {}

    Outcome run() {
        explore();
        Outcome out;
        auto const all = objectives();
        double effort = 1.0; // the asked one has all of it, each that only helps the front a little more
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i > 0 && all[i] == all.front()) {
                continue; // time is what was asked for
            }
            auto const rest = follow(i, effort);
            effort += 0.15;
            if (i == 0) {
                out.rest_at_least = rest;
            }
        }
        out.counts = to_.counts();
        out.refined = std::accumulate(refined_.begin(), refined_.end(), std::int64_t{0});
        out.dominated = dominated_;
        out.programs = programs_;
        out.simulated = simulated_;
        out.best = ranked();
        out.front = pareto();
        if (out.best.size() > static_cast<std::size_t>(request_.top)) {
            out.best.resize(static_cast<std::size_t>(request_.top));
        }
        return out;
    }

  private:
    static constexpr std::size_t everything = 1'000'000;

    /// The asked one, then what a front of time against cost is made from.
    [[nodiscard]] std::vector<Objective> objectives() const {
        auto between = request_.cost;
        between.power = 0.5;
        return {request_.objective, Objective{request_.cost.rate_per_chip, 0.0}, between, request_.cost};
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
    void refine_entry(Entry& entry);
    void find_path(Entry& entry);
    void simulate(std::vector<std::size_t> const& entries);
    [[nodiscard]] std::size_t entry_of(Bounded const& bounded);
    [[nodiscard]] static std::size_t place_of(Entry const& entry) {
        return static_cast<std::size_t>(use_of(entry.bounded.candidate));
    }
    [[nodiscard]] Planned planned(Entry const& entry) const;
    [[nodiscard]] std::vector<Planned> ranked() const;
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

void Search::refine_entry(Entry& entry) {
    auto refined = refine(problem_, times_, entry.bounded.candidate);
    ++refined_[place_of(entry)];
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

void Search::find_path(Entry& entry) {
    auto const program = parallel::build_program(problem_.job(entry.refined->plan), problem_.pricers);
    auto const bound = engine::step_bound(program, problem_.topology, problem_.timings).value();
    entry.path = std::max(bound, entry.refined->seconds);
    for (auto const& rank_class : program.classes) {
        turns_[place_of(entry)] += static_cast<std::int64_t>(rank_class.schedule.size());
    }
    tell(Stage::programs, ++programs_);
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
    simulated_ += static_cast<std::int64_t>(which.size());
    tell(Stage::simulations, simulated_);
}

// One loop over one queue: what an entry needs next depends on all that was spent so far.
// NOLINTNEXTLINE(readability-function-size)
double Search::follow(std::size_t at, double times) {
    auto const& objective = to_.objective(at);
    auto const value = [&](std::size_t i) {
        return entries_[i].seconds() * objective.factor(entries_[i].chips);
    };
    struct Known {
        double value;
        std::size_t entry;
        bool operator>(Known const& other) const {
            return std::tuple{value, entry} > std::tuple{other.value, other.entry};
        }
    };
    std::priority_queue<Known, std::vector<Known>, std::greater<>> queue;
    auto const push = [&](std::size_t i) {
        if (!entries_[i].dropped) {
            queue.push({value(i), i});
        }
    };
    for (auto const& bounded : to_.best(at)) {
        push(entry_of(bounded));
    }
    auto const& effort = request_.effort;
    // unlike uses are not weighed against each other by bounds: each may take half
    double const more = effort.exhaustive ? never : times;
    double const each = problem_.scenario.pools.size() > 1 ? 0.5 * more : more;
    auto const used_up = [&](auto const& done, Entry const& entry, std::int64_t most) {
        return static_cast<double>(done[place_of(entry)]) >= static_cast<double>(most) * each;
    };
    auto const spent = [&](std::int64_t done, std::int64_t most) {
        return static_cast<double>(done) >= static_cast<double>(most) * more;
    };
    int wanted = at == 0 ? request_.top : 1;
    double rest = to_.least_dropped(at);
    std::vector<std::size_t> waiting; // for a place among the simulations
    double skipped = never;           // of what there was no effort left for
    constexpr std::size_t together = 4;
    auto const flush = [&] {
        simulate(waiting);
        for (auto const i : waiting) {
            push(i);
        }
        waiting.clear();
    };
    while (wanted > 0 && (!queue.empty() || !waiting.empty())) {
        if (queue.empty() ||
            (!waiting.empty() && (waiting.size() == together || entries_[queue.top().entry].simulated))) {
            flush();
            continue;
        }
        auto const next = queue.top();
        queue.pop();
        auto& entry = entries_[next.entry];
        if (entry.simulated) {
            wanted -= effort.exhaustive ? 0 : 1;
        } else if (!entry.refined && !used_up(refined_, entry, effort.refined)) {
            refine_entry(entry);
            push(next.entry);
        } else if (entry.refined && !entry.path && !effort.exhaustive &&
                   !used_up(turns_, entry, effort.turns)) {
            find_path(entry);
            push(next.entry);
        } else if (entry.refined && (entry.path || effort.exhaustive) &&
                   !spent(simulated_ + static_cast<std::int64_t>(waiting.size()), effort.simulations)) {
            waiting.push_back(next.entry);
        } else {
            skipped = std::min(skipped, next.value);
        }
    }
    if (!queue.empty()) {
        rest = std::min(rest, queue.top().value);
    }
    return std::min(rest, skipped);
}

Planned Search::planned(Entry const& entry) const {
    return {entry.refined->plan,
            entry.chips,
            entry.simulated->seconds,
            entry.refined->seconds,
            entry.path.value_or(entry.refined->seconds),
            entry.simulated->seconds * request_.objective.factor(entry.chips),
            entry.simulated->bound_by};
}

std::vector<Planned> Search::ranked() const {
    std::vector<Entry const*> simulated;
    for (auto const& entry : entries_) {
        if (entry.simulated && request_.limits.allow(entry.simulated->seconds, entry.chips)) {
            simulated.push_back(&entry);
        }
    }
    std::ranges::sort(simulated, {}, [&](Entry const* e) {
        return std::tuple{e->simulated->seconds * request_.objective.factor(e->chips), e->bounded.number};
    });
    std::vector<Planned> out;
    std::ranges::transform(simulated, std::back_inserter(out), [&](Entry const* e) { return planned(*e); });
    return out;
}

std::vector<Planned> Search::pareto() const {
    auto all = ranked();
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
