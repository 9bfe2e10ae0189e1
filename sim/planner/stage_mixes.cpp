#include "planner/closed_form.hpp"
#include "planner/mixes.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace moesaic::planner {

using namespace parallel;

namespace {

/// What all stages of a replica have in common.
struct Common : CommonDegrees {
    int replicas = 1;
    Schedule schedule;
};

/// A micro-batch through all layers on one pool.
struct Pass {
    double turn = 0.0;
    double way = 0.0; ///< of a turn, see WholeModel
};

class SetExplorer {
  public:
    SetExplorer(Space const& space, std::vector<int> set) : space_{space}, set_{std::move(set)} {}

    void explore() {
        auto const& d = space_.degrees;
        int const batch = space_.problem.scenario.shape.global_batch;
        for (auto const& schedule : stage_mix_schedules(d)) {
            for (auto const& common : common_degrees(d)) {
                for (int const replicas : d.replicas) {
                    if (batch % (common.micro_batch * replicas) == 0 && common.go_with(is_paired(schedule))) {
                        add({common, replicas, schedule});
                    }
                }
            }
        }
        visit_all();
    }

  private:
    /// Groups of combinations, visited once the best of all groups is known.
    struct Group {
        Common common;
        std::vector<std::vector<Segment>> segments;
        std::vector<std::vector<Share>> shares;
        std::map<std::pair<int, int>, Pass> passes; ///< by pool and tensor degree
        std::vector<Lists> sets;                    ///< of the shares
    };

    void add(Common const& common) {
        Group group{common, {}, {}, {}, {}};
        for (int const pool : set_) {
            group.segments.emplace_back();
            group.shares.emplace_back();
            for (int const t : tensor_degrees(space_.problem, pool)) {
                add_segments(group, pool, t);
            }
            if (group.shares.back().empty()) {
                return;
            }
        }
        fastest_ = std::min(fastest_, least_time_together(batch(), group.shares));
        groups_.push_back(std::move(group));
    }

    void add_segments(Group& group, int pool, int tensor) {
        auto const& c = group.common;
        auto const& of = space_.problem.scenario.pools[static_cast<std::size_t>(pool)];
        int const ranks = tensor * c.context * c.replicas;
        Local const local{pool, tensor, c.context, c.expert, c.micro_batch, is_paired(c.schedule)};
        auto const* times =
            ranks % c.expert == 0 && ranks <= of.chips && fills_nodes(ranks, of.cluster.node.chips)
                ? space_.times.find(local)
                : nullptr;
        if (times == nullptr) {
            return;
        }
        auto const pass = pass_of(local, c.schedule);
        group.passes[{pool, tensor}] = pass;
        for (int const p : space_.degrees.pipeline) {
            if (p * ranks <= of.chips) {
                group.shares.back().push_back(
                    {static_cast<double>(c.replicas) * c.micro_batch * p / pass.turn, 0.0,
                     group.segments.back().size()});
                group.segments.back().push_back({pool, tensor, p});
            }
        }
    }

    Pass pass_of(Local const& local, Schedule const& schedule) {
        auto const [at, is_new] = passes_.try_emplace({local, schedule.index()});
        if (is_new) {
            auto const whole = whole_model(space_.problem, space_.times, local, schedule, 1);
            at->second = {whole.turn, whole.way};
        }
        return at->second;
    }

    /// No step of stages in this order takes less. In time T a stage whose way in (and out) is w of the turns before it
    /// does at most W_s = (T - w sum of those before)/m per micro-batch, of a whole model's W_g on its pool; these must
    /// make a whole: T >= 1/v, where v, from the last stage on, is the greater of v' and 1/(m W_g) + v' (1 - w/m).
    [[nodiscard]] double step_in_order(Group const& group, std::vector<Segment> const& segments) const {
        double const m = batch() / (group.common.replicas * group.common.micro_batch);
        double way = 1.0;
        for (auto const& segment : segments) {
            way = std::min(way, group.passes.at({segment.pool, segment.tensor}).way);
        }
        double v = 0.0;
        for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
            double const turn = group.passes.at({segment->pool, segment->tensor}).turn;
            for (int i = 0; i < segment->stages; ++i) {
                v = std::max(v, 1.0 / (m * turn) + v * (1.0 - way / m));
            }
        }
        return 1.0 / v;
    }

    [[nodiscard]] double batch() const { return space_.problem.scenario.shape.global_batch; }

    void cut(Group& group) {
        auto const& common = group.common;
        group.sets = within_limits(
            space_, set_, group.shares,
            [&](std::size_t list, Share const& share) {
                auto const& segment = group.segments[list][share.choice];
                return segment.stages * segment.tensor * common.context * common.replicas;
            },
            fastest_);
        best_ = std::min(best_, least_time_together(batch(), group.sets));
    }

    void visit_all() {
        for (auto& group : groups_) {
            cut(group);
        }
        std::vector<std::pair<Group const*, Lists const*>> sets;
        for (auto const& group : groups_) {
            for (auto const& set : group.sets) {
                sets.emplace_back(&group, &set);
            }
        }
        std::ranges::stable_sort(sets, {}, [](auto const& of) { return of.second->rank(); });
        CombinationsOfSets count{sets.size()};
        for (auto const& [group, set] : sets) {
            auto const visited = visit_combinations(
                batch(), set->shares, longest_of_interest(space_, *set, best_), count.of(*set),
                [&, of = group](double seconds, std::span<std::size_t const> chosen) {
                    offer(*of, seconds, chosen);
                });
            count.done(*set, visited.visited);
            space_.to.drop(visited.all - visited.visited, visited.least_left, set->rate);
        }
    }

    /// The pools in each order.
    void offer(Group const& group, double seconds, std::span<std::size_t const> chosen) {
        auto const& c = group.common;
        std::vector<Segment> segments;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            segments.push_back(group.segments[i][chosen[i]]);
        }
        KindChoice kind{.segments = {},
                        .context = c.context,
                        .expert = c.expert,
                        .micro_batch = c.micro_batch,
                        .replicas = c.replicas};
        do {
            kind.segments = segments;
            if (stages_of(kind) > space_.problem.scenario.model.layers) {
                return;
            }
            double const at_least = std::max(seconds, step_in_order(group, segments));
            for (int const zero : space_.degrees.zero) {
                Candidate candidate{{kind}, c.schedule, zero};
                space_.to.offer(at_least, chips_by_pool(candidate, space_.problem.scenario.pools.size()),
                                [&] { return candidate; });
            }
        } while (std::ranges::next_permutation(segments, {}, &Segment::pool).found);
    }

    Space const& space_;
    std::vector<int> set_;
    std::vector<Group> groups_;
    std::map<std::pair<Local, std::size_t>, Pass> passes_;     ///< by schedule
    double fastest_ = std::numeric_limits<double>::infinity(); ///< time of all groups, limits aside
    double best_ = std::numeric_limits<double>::infinity();
};

} // namespace

void explore_stage_mixes(Space const& space) {
    space.to.begin(space.lanes().stages());
    for (auto const& set : pool_sets(space.problem.scenario.pools.size())) {
        SetExplorer{space, set}.explore();
    }
}

} // namespace moesaic::planner
