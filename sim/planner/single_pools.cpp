#include "planner/closed_form.hpp"
#include "planner/space.hpp"

#include <algorithm>

namespace moesaic::planner {

using namespace parallel;

namespace {

/// All plans with one Local.
class Rows {
  public:
    Rows(Space const& space, Local const& local) : space_{space}, local_{local} {
        auto const& s = space.problem.scenario;
        auto const& pool = s.pools[static_cast<std::size_t>(local.pool)];
        int const batch = s.shape.global_batch;
        for (int const p : space.degrees.pipeline) {
            for (int const d : space.degrees.replicas) {
                int const ranks = local.tensor * local.context * d;
                bool const divides = batch % (d * local.micro_batch) == 0 && ranks % local.expert == 0;
                if (divides && ranks * p <= pool.chips && fills_nodes(ranks, pool.cluster.node.chips)) {
                    shapes_.push_back({p, d, batch / (d * local.micro_batch)});
                }
            }
        }
    }

    void explore(Schedule const& schedule, int zero) {
        rows_.clear();
        chosen_.clear();
        int const layers = space_.problem.scenario.model.layers;
        for (auto const& shape : shapes_) {
            bool const runs = !problem_with(schedule, shape.stages, shape.micro_batches) &&
                              parts_of(schedule, shape.stages) <= layers &&
                              (shape.stages > 1 || std::holds_alternative<OneFOneB>(schedule));
            double const dense = local_.context * shape.replicas;
            double const expert =
                static_cast<double>(local_.tensor) * local_.context * shape.replicas / local_.expert;
            bool const shares = dense > 1.0 || expert > 1.0 || zero == space_.degrees.zero.front();
            if (!runs || !shares) {
                continue;
            }
            auto const group = static_cast<double>(space_.problem.scenario.plan.shard_group);
            auto const sharers = [&](double n) { return group > 0 ? std::min(group, n) : n; };
            chosen_.push_back(shape);
            rows_.stages.push_back(shape.stages);
            rows_.micro_batches.push_back(shape.micro_batches);
            rows_.dense_sharers.push_back(sharers(dense));
            rows_.expert_sharers.push_back(sharers(expert));
        }
        offer_rows(schedule, zero);
    }

  private:
    struct Shape {
        int stages, replicas, micro_batches;
    };

    void offer_rows(Schedule const& schedule, int zero) {
        if (chosen_.empty()) {
            return;
        }
        auto const whole = whole_model(space_.problem, space_.times, local_, schedule, zero);
        auto const seconds = lower_bounds(whole, rows_);
        std::vector<int> chips(space_.problem.scenario.pools.size(), 0);
        for (std::size_t i = 0; i < chosen_.size(); ++i) {
            auto const& [p, d, m] = chosen_[i];
            chips[static_cast<std::size_t>(local_.pool)] = local_.tensor * local_.context * p * d;
            space_.to.offer(seconds[i], chips, [&] {
                return Candidate{{KindChoice{.segments = {{local_.pool, local_.tensor, p}},
                                             .context = local_.context,
                                             .expert = local_.expert,
                                             .micro_batch = local_.micro_batch,
                                             .replicas = d}},
                                 schedule,
                                 zero};
            });
        }
    }

    Space const& space_;
    Local local_;
    std::vector<Shape> shapes_;
    std::vector<Shape> chosen_;
    PlanRows rows_;
};

void explore_local(Space const& space, Local const& local) {
    Rows rows{space, local};
    for (auto const& schedule : space.degrees.schedules) {
        if (is_paired(schedule) != local.paired) {
            continue;
        }
        for (int const zero : space.degrees.zero) {
            rows.explore(schedule, zero);
        }
    }
}

} // namespace

void explore_single_pools(Space const& space) {
    std::vector<bool> asked;
    for (bool const paired : {false, true}) {
        if (std::ranges::any_of(space.degrees.schedules,
                                [&](auto const& schedule) { return is_paired(schedule) == paired; })) {
            asked.push_back(paired);
        }
    }
    for (int pool = 0; pool < static_cast<int>(space.problem.scenario.pools.size()); ++pool) {
        space.to.begin(static_cast<std::size_t>(pool));
        for (auto const& local : locals_on(space, pool, asked)) {
            explore_local(space, local);
        }
    }
}

} // namespace moesaic::planner
