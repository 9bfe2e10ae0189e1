#include "parallel/build_program.hpp"

#include <algorithm>

namespace moesaic::parallel {

namespace {

bool is_open(StageGroup const& group) { return group.recompute == Recompute::least; }

Plan with(Plan plan, Recompute recompute) {
    for (auto& kind : plan.kinds) {
        for (auto& group : kind.stage_groups) {
            group.recompute = is_open(group) ? recompute : group.recompute;
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
    auto const middle = job.plan.fused_attention ? Recompute::pointwise : Recompute::selective;
    for (auto const recompute : {Recompute::none, middle}) {
        auto plan = with(job.plan, recompute);
        if (!misfit(memory_of_classes({job.model, plan, job.shape, job.topology, job.timings}))) {
            return plan;
        }
    }
    return with(job.plan, Recompute::full);
}

} // namespace moesaic::parallel
