#include "engine/split_batch.hpp"

#include "base/errors.hpp"
#include "engine/step_bound.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace moesaic::engine {

using namespace parallel;

namespace {

/// Seconds of a step, by its number of micro-batches.
struct Line {
    Seconds once;
    Seconds each;
    [[nodiscard]] Seconds at(int micro_batches) const {
        return once + each * static_cast<double>(micro_batches);
    }
};

/// What a replica kind needs for its micro-batches.
struct Pace {
    Schedule schedule;
    int stages = 1;
    int sequences = 1;       ///< of one micro-batch over all replicas of the kind
    std::vector<Line> lines; ///< of each stage its chain and its streams: the longest counts
    [[nodiscard]] bool runs(int micro_batches) const {
        return !problem_with(schedule, stages, micro_batches).has_value();
    }
    [[nodiscard]] Seconds step(int micro_batches) const {
        Seconds out;
        for (auto const& line : lines) {
            out = std::max(out, line.at(micro_batches));
        }
        return out;
    }
};

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

std::vector<Pace> paces_of(Job const& job) {
    std::vector<Pace> out;
    for (auto const& kind : job.plan.kinds) {
        out.push_back({job.plan.schedule, stages_of(kind), kind.replicas * kind.micro_batch, {}});
    }
    Pricers pricers{job.timings, job.plan.practice, job.calibration};
    auto const two = classes_with(job, 2, pricers), three = classes_with(job, 3, pricers);
    for (std::size_t c = 0; c < two.size(); ++c) {
        auto& pace = out[static_cast<std::size_t>(two[c].replica_kind)];
        auto const less = work_of(two[c], job), more = work_of(three[c], job);
        auto chain = line_through(less.length, more.length, pace.stages);
        chain.once += chain.each * bubble_share(pace.schedule, pace.stages, 1);
        pace.lines.push_back(chain);
        for (std::size_t stream = 0; stream < less.busy.size(); ++stream) {
            pace.lines.push_back(line_through(less.busy[stream], more.busy[stream], pace.stages));
        }
    }
    return out;
}

struct Best {
    Seconds step{1e300};
    std::vector<int> micro_batches;
};

/// Tries all numbers for the kinds from `at` on; the last one takes what is left, if it divides.
void search(std::vector<Pace> const& paces, std::size_t at, int left, std::vector<int>& chosen, Best& best) {
    auto const& pace = paces[at];
    if (at + 1 == paces.size()) {
        if (left <= 0 || left % pace.sequences != 0 || !pace.runs(left / pace.sequences)) {
            return;
        }
        chosen.push_back(left / pace.sequences);
        Seconds step;
        for (std::size_t k = 0; k < paces.size(); ++k) {
            step = std::max(step, paces[k].step(chosen[k]));
        }
        if (step < best.step) {
            best = {step, chosen};
        }
        chosen.pop_back();
        return;
    }
    for (int m = 1; m * pace.sequences < left && pace.step(m) < best.step; ++m) {
        if (!pace.runs(m)) {
            continue;
        }
        chosen.push_back(m);
        search(paces, at + 1, left - m * pace.sequences, chosen, best);
        chosen.pop_back();
    }
}

} // namespace

Plan split_batch(Job const& job) {
    auto plan = job.plan;
    if (std::ranges::all_of(plan.kinds, [](auto const& kind) { return kind.micro_batches.has_value(); })) {
        return plan;
    }
    Best best;
    std::vector<int> chosen;
    search(paces_of(job), 0, job.shape.global_batch, chosen, best);
    if (best.micro_batches.empty()) {
        throw InputError{plan.origin,
                         fmt::format("a global batch of {} sequences cannot be split over the replica kinds",
                                     job.shape.global_batch),
                         "Every kind takes replicas x micro_batch sequences at a time"};
    }
    for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
        plan.kinds[k].micro_batches = best.micro_batches[k];
    }
    return plan;
}

} // namespace moesaic::engine
