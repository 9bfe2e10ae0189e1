#include "engine/split_batch.hpp"

#include "base/errors.hpp"
#include "engine/share_batch.hpp"
#include "engine/step_bound.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace moesaic::engine {

using namespace parallel;

namespace {

/// A class's blocks over its schedule.
BlockBound work_of(RankClass const& rank_class, Job const& job) {
    auto const bounds = block_bounds(rank_class, job.topology, job.timings);
    BlockBound sum{};
    for (auto const& item : rank_class.schedule) {
        auto const& block = bounds[static_cast<std::size_t>(item.block)];
        sum.length += block.length;
        std::ranges::transform(sum.busy, block.busy, sum.busy.begin(), std::plus{});
    }
    return sum;
}

/// The classes with so many micro-batches for each stage, 2 or more: enough for all schedules, and for pairs.
std::vector<RankClass> classes_with(Job const& job, int per_stage, Pricers& pricers) {
    auto plan = job.plan;
    for (auto& kind : plan.kinds) {
        kind.micro_batches = per_stage * stages_of(kind);
    }
    return build_program({job.model, plan, job.shape, job.topology, job.timings, job.calibration}, pricers)
        .classes;
}

/// The line through what two and three micro-batches for each stage take: the first and the last of a step may do more
/// than those between.
Line line_through(Seconds two, Seconds three, int stages) {
    auto const each = (three - two) / static_cast<double>(stages);
    return {two - each * (2.0 * stages), each};
}

/// Of each stage its chain and its streams: the longest counts.
std::vector<Pace> paces_of(Job const& job) {
    std::vector<Pace> out;
    auto const& schedule = job.plan.schedule;
    for (auto const& kind : job.plan.kinds) {
        int const stages = stages_of(kind);
        out.push_back({.lines = {},
                       .sequences = kind.replicas * kind.micro_batch,
                       .first = least_micro_batches(schedule, stages),
                       .every = micro_batch_step(schedule, stages)});
    }
    Pricers pricers{job.timings, job.plan.practice, job.calibration};
    auto const two = classes_with(job, 2, pricers), three = classes_with(job, 3, pricers);
    for (std::size_t c = 0; c < two.size(); ++c) {
        auto const kind = static_cast<std::size_t>(two[c].replica_kind);
        auto& pace = out[kind];
        int const stages = stages_of(job.plan.kinds[kind]);
        auto const less = work_of(two[c], job), more = work_of(three[c], job);
        auto chain = line_through(less.length, more.length, stages);
        chain.once += chain.each * bubble_share(schedule, stages, 1);
        pace.lines.push_back(chain);
        for (std::size_t stream = 0; stream < less.busy.size(); ++stream) {
            pace.lines.push_back(line_through(less.busy[stream], more.busy[stream], stages));
        }
    }
    return out;
}

} // namespace

Plan split_batch(Job const& job) {
    auto plan = job.plan;
    if (std::ranges::all_of(plan.kinds, [](auto const& kind) { return kind.micro_batches.has_value(); })) {
        return plan;
    }
    auto const split = share_batch(paces_of(job), job.shape.global_batch);
    if (!split) {
        throw InputError{plan.origin,
                         fmt::format("a global batch of {} sequences cannot be split over the replica kinds",
                                     job.shape.global_batch),
                         "Every kind takes replicas x micro_batch sequences at a time"};
    }
    for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
        plan.kinds[k].micro_batches = (*split)[k];
    }
    return plan;
}

} // namespace moesaic::engine
