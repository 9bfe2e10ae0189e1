#include "planner/closed_form.hpp"
#include "planner/mixes.hpp"

#include <algorithm>
#include <limits>

namespace moesaic::planner {

using namespace parallel;

namespace {

/// What one pool can do with a schedule and a degree of sharing.
struct PoolChoices {
    std::vector<KindChoice> kinds;
    std::vector<Share> shares;
};

class PoolExplorer {
  public:
    PoolExplorer(Space const& space, int pool, Schedule const& schedule, int zero)
        : space_{space}, pool_{pool}, schedule_{schedule}, zero_{zero} {}

    PoolChoices explore() {
        for (auto const& local : locals_on(space_, pool_, {is_paired(schedule_)})) {
            add(local);
        }
        return std::move(out_);
    }

  private:
    void add(Local const& local) {
        auto const& s = space_.problem.scenario;
        auto const& pool = s.pools[static_cast<std::size_t>(pool_)];
        PlanRows rows;
        std::vector<KindChoice> kinds;
        for (int const p : space_.degrees.pipeline) {
            for (int const d : space_.degrees.replicas) {
                int const ranks = local.tensor * local.context * d;
                int const least = least_micro_batches(schedule_, p);
                bool const runs = !problem_with(schedule_, p, least) &&
                                  parts_of(schedule_, p) <= s.model.layers &&
                                  (p > 1 || std::holds_alternative<OneFOneB>(schedule_));
                if (!runs || ranks % local.expert != 0 || ranks * p > pool.chips ||
                    d * local.micro_batch * least >= s.shape.global_batch ||
                    !fills_nodes(ranks, pool.cluster.node.chips)) {
                    continue;
                }
                kinds.push_back({.segments = {{pool_, local.tensor, p}},
                                 .context = local.context,
                                 .expert = local.expert,
                                 .micro_batch = local.micro_batch,
                                 .replicas = d});
                rows.stages.push_back(p);
                rows.micro_batches.push_back(1.0); // memory alone is of interest
                rows.dense_sharers.push_back(local.context * d);
                rows.expert_sharers.push_back(static_cast<double>(ranks) / local.expert);
            }
        }
        if (kinds.empty()) {
            return;
        }
        auto const whole = whole_model(space_.problem, space_.times, local, schedule_, zero_);
        auto const fits = lower_bounds(whole, rows);
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            if (fits[i] < std::numeric_limits<double>::infinity()) {
                double const each = kinds[i].replicas * kinds[i].micro_batch;
                double const p = rows.stages[i];
                out_.shares.push_back(
                    {each * p / whole.turn, each * whole.way * (p - 1.0) / 2.0, out_.kinds.size()});
                out_.kinds.push_back(std::move(kinds[i]));
            } else {
                space_.to.counts().considered = sum_of(space_.to.counts().considered, 1);
                ++space_.to.counts().unfit;
            }
        }
    }

    Space const& space_;
    int pool_;
    Schedule const& schedule_;
    int zero_;
    PoolChoices out_;
};

void explore_set(Space const& space, std::vector<int> const& set, std::vector<PoolChoices> const& by_pool,
                 std::pair<Schedule, int> const& how) {
    std::vector<std::vector<Share>> lists;
    for (int const pool : set) {
        lists.push_back(by_pool[static_cast<std::size_t>(pool)].shares);
        if (lists.back().empty()) {
            return;
        }
    }
    auto const kind_of = [&](std::size_t list, std::size_t choice) -> KindChoice const& {
        return by_pool[static_cast<std::size_t>(set[list])].kinds[choice];
    };
    double const batch = space.problem.scenario.shape.global_batch;
    auto const chips = [&](std::size_t list, Share const& share) {
        auto const& kind = kind_of(list, share.choice);
        return stages_of(kind) * kind.segments.front().tensor * kind.context * kind.replicas;
    };
    auto const sets = within_limits(space, set, lists, chips, least_time_together(batch, lists));
    double const best = least_time_together(batch, sets);
    CombinationsOfSets count{sets.size()};
    for (auto const& some : sets) {
        auto const visited = visit_combinations(
            batch, some.shares, longest_of_interest(space, some, best), count.of(some),
            [&](double seconds, std::span<std::size_t const> chosen) {
                Candidate candidate{{}, how.first, how.second};
                for (std::size_t i = 0; i < set.size(); ++i) {
                    candidate.kinds.push_back(kind_of(i, chosen[i]));
                }
                space.to.offer(seconds, chips_by_pool(candidate, space.problem.scenario.pools.size()),
                               [&] { return candidate; });
            });
        count.done(some, visited.visited);
        space.to.drop(visited.all - visited.visited, visited.least_left, some.rate);
    }
}

} // namespace

void explore_replica_mixes(Space const& space) {
    space.to.begin(space.lanes().replicas());
    auto const pools = space.problem.scenario.pools.size();
    for (auto const& schedule : replica_mix_schedules(space.degrees)) {
        for (int const zero : space.degrees.zero) {
            std::vector<PoolChoices> by_pool;
            for (std::size_t pool = 0; pool < pools; ++pool) {
                by_pool.push_back(PoolExplorer{space, static_cast<int>(pool), schedule, zero}.explore());
            }
            for (auto const& set : pool_sets(pools)) {
                explore_set(space, set, by_pool, {schedule, zero});
            }
        }
    }
}

} // namespace moesaic::planner
