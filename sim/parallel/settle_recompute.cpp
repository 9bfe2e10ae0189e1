#include "parallel/build_program.hpp"

#include <algorithm>

namespace moesaic::parallel {

namespace {

bool is_open(StageGroup const& group) { return group.recompute == Recompute::least; }

Plan with(Plan plan, Recompute recompute, double share = 1.0) {
    for (auto& kind : plan.kinds) {
        for (auto& group : kind.stage_groups) {
            if (is_open(group)) {
                group.recompute = recompute;
                group.recompute_share = share;
            }
        }
    }
    return plan;
}

} // namespace

Plan settle_recompute(Job const& job) {
    bool const settled = std::ranges::none_of(
        job.plan.kinds, [](auto const& kind) { return std::ranges::any_of(kind.stage_groups, is_open); });
    if (settled) {
        return job.plan;
    }
    constexpr int steps = 8;
    auto const middle = job.plan.fused_attention ? Recompute::pointwise : Recompute::selective;
    std::vector<Plan> candidates{with(job.plan, Recompute::none), with(job.plan, middle)};
    for (int step = 1; step < steps; ++step) {
        candidates.push_back(with(job.plan, Recompute::full, static_cast<double>(step) / steps));
    }
    for (auto& plan : candidates) {
        if (!misfit(memory_of_classes({job.model, plan, job.shape, job.topology, job.timings}))) {
            return std::move(plan);
        }
    }
    return with(job.plan, Recompute::full);
}

} // namespace moesaic::parallel
