#include "planner/search.hpp"

#include "planner/levels.hpp"
#include "planner/space.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <queue>
#include <utility>

namespace moesaic::planner {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// Entries are looked at in batches, whose size is the same for any number of workers. Large ones
/// are quicker, but spend on entries that those before them would have ruled out.
constexpr std::array<std::size_t, levels> together{32, 8, 4};

/// Of the effort, what each further point of the front has on top. Chosen, not measured: what it buys and costs in time says a
/// search with another one (docs/planning.md has the times with this one).
constexpr double more_for_the_front = 0.15;

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
          times_{problem, degrees_.recompute},
          to_{objectives(), request.limits,
              request.effort.exhaustive
                  ? everything
                  : kept_per_refined * static_cast<std::size_t>(request.effort.refined)},
          levels_{problem, request, times_, to_.counts()} {}

    Outcome run() {
        explore();
        Outcome out;
        auto const all = objectives();
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!is_asked(all[i])) {
                help_front(i);
            } else if (auto const rest = ask(i); i == 0) {
                out.rest_at_least = rest;
            }
        }
        out.counts = to_.counts();
        out.refined = levels_.refined();
        out.dominated = levels_.dominated();
        out.programs = levels_.programs();
        out.simulated = levels_.simulated();
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

    /// Simulated and within the limits.
    [[nodiscard]] bool is_found(Entry const& entry) const {
        return entry.simulated && request_.limits.allow(entry.simulated->seconds, entry.chips);
    }
    /// Of the effort, what a lane may take for what is asked. Of several pools, whole replicas and stages half each: bounds of
    /// unlike uses are not equally near, so that they are not weighed against each other. Chosen (docs/planning.md).
    [[nodiscard]] double part_of(std::size_t lane) const { return lane < lanes_.pools ? 1.0 : 0.5; }

    using Lane = std::size_t;
    using Entries = std::vector<std::size_t>;
    /// A part of the way: so much of the work that is allowed, for plans that are likely to keep to the limits. All of it
    /// as long as each is.
    struct Leg {
        double share = 1.0;
        double trust = 0.0;        ///< see Levels::is_likely; 0 = all plans
        std::optional<int> zero{}; ///< plans that share out so much; none = all
    };

    /// Looks closer at the best of one objective, lane by lane. @return what no other can be better than
    double ask(std::size_t at);
    /// The same for an objective that only helps the front, with a little more effort, all lanes together.
    void help_front(std::size_t at);
    /// What a lane may do to help the front. @param part of the usual effort
    [[nodiscard]] Work allowance(Lane lane, double part) const;
    /// On the way to the front a pool alone may find what is asked: as often as if there were no other pool.
    void help_alone(std::size_t at, Lane lane);
    /// Looks closer at the least until `wanted` are simulated, none of which another could be better than. Where limits
    /// depend on the time, first at those that are likely to keep to them.
    /// @return those that are left
    Entries follow(std::size_t at, Entries entries, std::size_t wanted, std::optional<Lane> lane = {});
    Entries follow(std::size_t at, Entries const& entries, Leg leg, std::function<double()> const& enough);
    [[nodiscard]] Entries entries_of(std::size_t at, Lane lane);
    /// Of the objective, so that `wanted` that are simulated are no worse.
    /// @param lane the only one that counts; none = all
    [[nodiscard]] double enough(std::size_t at, std::size_t wanted, std::optional<Lane> lane = {}) const;
    /// none where there is no effort left for the entry
    [[nodiscard]] std::optional<Level> next_level(Entry const& entry, double share) const;
    [[nodiscard]] double value_of(std::size_t entry, std::size_t objective) const {
        auto const& of = levels_.entries()[entry];
        return of.seconds() * to_.objective(objective).factor(of.chips);
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
    Collector to_;
    Levels levels_;
    Lanes lanes_{problem_.scenario.pools.size()};
    std::vector<Work> allowed_{lanes_.count()}; ///< by lane
    std::vector<Work> asked_for_;               ///< done of each lane for what was asked
    double simulations_ = never;                ///< allowed of all lanes together
    double front_simulations_ = 0.0;            ///< left for the front
    double asked_ = 0.0, helped_ = 0.0;         ///< objectives so far
};

std::optional<Level> Search::next_level(Entry const& entry, double share) const {
    auto const level = levels_.next_of(entry);
    if (request_.effort.exhaustive) {
        return level;
    }
    auto const& done = levels_.done(entry.lane);
    auto const& allowed = allowed_[entry.lane];
    bool const is_left = level == Level::settle ? done.refined < allowed.refined * share
                         : level == Level::path ? done.turns < allowed.turns * share
                                                : done.simulated < allowed.simulated * share &&
                                                      static_cast<double>(levels_.simulated()) < simulations_;
    return is_left ? std::optional{level} : std::nullopt;
}

Search::Entries Search::entries_of(std::size_t at, Lane lane) {
    Entries out;
    auto const add = [&](std::size_t objective) {
        std::ranges::transform(to_.best(objective, lane), std::back_inserter(out),
                               [&](Bounded const& bounded) { return levels_.entry_of(bounded); });
    };
    add(at);
    if (request_.limits
            .depend_on_time()) { // those that are best in another way may be the ones that keep to them
        for (std::size_t i = 0; i < objectives().size(); ++i) {
            add(i);
        }
        std::ranges::sort(out);
        auto const repeated = std::ranges::unique(out);
        out.erase(repeated.begin(), repeated.end());
    }
    return out;
}

double Search::enough(std::size_t at, std::size_t wanted, std::optional<Lane> lane) const {
    std::vector<double> found;
    for (std::size_t i = 0; i < levels_.entries().size() && !request_.effort.exhaustive; ++i) {
        auto const& entry = levels_.entries()[i];
        if (is_found(entry) && (!lane || entry.lane == *lane)) {
            found.push_back(value_of(i, at));
        }
    }
    std::ranges::sort(found);
    return found.size() < wanted ? never : found[wanted - 1];
}

double Search::ask(std::size_t at) {
    asked_ += 1.0;
    auto const& most = request_.effort;
    for (Lane lane = 0; lane < lanes_.count(); ++lane) {
        double const part = asked_ * part_of(lane);
        allowed_[lane] = {part * static_cast<double>(most.refined), part * static_cast<double>(most.turns),
                          std::max(part * most.simulations, static_cast<double>(request_.top))};
    }
    std::vector<std::pair<double, Lane>> order; // the least bound first, so that it rules out others
    for (Lane lane = 0; lane < to_.lanes(); ++lane) {
        auto const best = to_.best(at, lane);
        order.emplace_back(best.empty() ? never : value_of(levels_.entry_of(best.front()), at), lane);
    }
    std::ranges::sort(order);
    double rest = never;
    for (auto const& [value, lane] : order) {
        rest = std::min(rest, to_.least_dropped(at, lane));
        for (auto const left : follow(at, entries_of(at, lane), static_cast<std::size_t>(request_.top))) {
            rest = std::min(rest, value_of(left, at));
        }
    }
    return rest;
}

Work Search::allowance(Lane lane, double part) const {
    auto const& most = request_.effort;
    auto const& done = asked_for_[lane];
    auto const with_more = [&](double done_then, double usual) {
        return std::max(done_then, asked_ * part * usual) + helped_ * more_for_the_front * part * usual;
    };
    return {with_more(done.refined, static_cast<double>(most.refined)),
            with_more(done.turns, static_cast<double>(most.turns)),
            with_more(done.simulated, most.simulations)};
}

void Search::help_front(std::size_t at) {
    if (helped_ == 0.0) {
        for (Lane lane = 0; lane < lanes_.count(); ++lane) {
            asked_for_.push_back(levels_.done(lane));
        }
        front_simulations_ =
            std::max(0.0, asked_ * request_.effort.simulations - static_cast<double>(levels_.simulated()));
    }
    helped_ += 1.0;
    auto const pools = lanes_.pools;
    for (Lane lane = 0; lane < pools && pools > 1 && lane < to_.lanes(); ++lane) {
        help_alone(at, lane);
    }
    Entries entries;
    for (Lane lane = 0; lane < to_.lanes(); ++lane) {
        bool const alone = lane < pools && pools > 1;
        allowed_[lane] = allowance(lane, alone ? 0.5 / static_cast<double>(pools) : part_of(lane));
        allowed_[lane].simulated = never;
        std::ranges::copy(entries_of(at, lane), std::back_inserter(entries));
    }
    front_simulations_ += more_for_the_front * request_.effort.simulations;
    auto const before = static_cast<double>(levels_.simulated());
    simulations_ = before + front_simulations_;
    follow(at, entries, 1);
    front_simulations_ -= static_cast<double>(levels_.simulated()) - before;
    simulations_ = never;
}

void Search::help_alone(std::size_t at, Lane lane) {
    allowed_[lane] = allowance(lane, 1.0);
    std::vector<double> best;
    for (std::size_t i = 0; i < objectives().size(); ++i) {
        best.push_back(is_asked(to_.objective(i)) ? enough(i, 1) : 0.0);
    }
    auto entries = entries_of(at, lane);
    std::erase_if(entries, [&](std::size_t entry) {
        for (std::size_t i = 0; i < best.size(); ++i) {
            if (value_of(entry, i) < best[i]) {
                return false;
            }
        }
        return true;
    });
    follow(at, entries, 1, lane);
}

Search::Entries Search::follow(std::size_t at, Entries entries, std::size_t wanted,
                               std::optional<Lane> lane) {
    auto const found = [&] { return enough(at, wanted, lane); };
    if (degrees_.zero.size() > 1 && !request_.effort.exhaustive) {
        // what parameters and gradients cost where they travel with each micro-batch is in no bound of the closed form, so
        // that plans which share them out seem the better ones
        auto const least =
            *std::ranges::min_element(degrees_.zero, {}, [](int zero) { return std::pair{zero == 0, zero}; });
        entries = follow(at, entries, Leg{.share = 0.5, .zero = least}, found);
    }
    if (request_.limits.depend_on_time() && !request_.effort.exhaustive) {
        for (auto const leg : {Leg{0.5, 1.0}, Leg{0.75, 0.5}}) { // averages may mislead
            entries = follow(at, entries, leg, found);
        }
    }
    return follow(at, entries, Leg{}, found);
}

Search::Entries Search::follow(std::size_t at, Entries const& entries, Leg leg,
                               std::function<double()> const& enough) {
    auto const& all = levels_.entries();
    Queue queue;
    auto const push = [&](std::size_t i) {
        if (!all[i].dropped) {
            queue.push({value_of(i, at), i});
        }
    };
    std::ranges::for_each(entries, push);
    double least = enough();
    Waiting waiting;
    bool binds = false; // a limit, on any that was looked at on this leg
    auto const is_likely = [&](Entry const& entry) {
        bool const out = (leg.trust == 0.0 || levels_.is_likely(entry, leg.trust)) &&
                         (!leg.zero || *leg.zero == entry.bounded.candidate.zero);
        binds = binds || !out;
        return out;
    };
    auto const flush = [&](Level level) {
        auto const batch = std::exchange(waiting.of[static_cast<std::size_t>(level)], {});
        auto const refused = to_.counts().over_limits;
        levels_.look_closer(level, batch);
        binds = binds || to_.counts().over_limits > refused ||
                std::ranges::any_of(batch, [&](auto i) { return all[i].simulated && !is_found(all[i]); });
        std::ranges::for_each(batch, push);
        least = level == Level::simulate ? enough() : least;
    };
    Entries left;
    while (!queue.empty() || waiting.first()) {
        bool const ends = queue.empty() || queue.top().value >= least;
        auto const level = waiting.first();
        if (level && (ends || all[queue.top().entry].simulated)) {
            flush(*level);
            continue;
        }
        if (ends) {
            break;
        }
        auto const next = queue.top().entry;
        queue.pop();
        if (all[next].simulated) {
            continue;
        }
        auto const closer =
            is_likely(all[next]) ? next_level(all[next], binds ? leg.share : 1.0) : std::nullopt;
        if (!closer) {
            left.push_back(next);
            continue;
        }
        levels_.count(*closer, all[next]);
        if (waiting.add(*closer, next)) {
            flush(*closer);
        }
    }
    for (; !queue.empty(); queue.pop()) {
        if (!all[queue.top().entry].simulated) {
            left.push_back(queue.top().entry);
        }
    }
    return left;
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
    for (auto const& entry : levels_.entries()) {
        if (is_found(entry)) {
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

Outcome search(Problem const& problem, Request const& request) {
    if (auto const& local = problem.scenario.plan.local_sgd) {
        throw InputError{local->origin, "plans with local SGD are not searched",
                         "Leave it out, and add it to the plan that is found"};
    }
    return Search{problem, request}.run();
}

} // namespace moesaic::planner
