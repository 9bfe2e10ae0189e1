#include "base/errors.hpp"
#include "parallel/build_program.hpp"
#include "parallel/time_alone.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

/// What a replica kind needs per micro-batch on its slowest stage, and how deep its pipeline is.
struct Pace {
    Seconds micro_batch;
    int stages = 1;
    int sequences = 1; ///< of one micro-batch over all replicas of the kind
    double chunks = 1; ///< of a stage that a micro-batch passes
    Schedule schedule;
    [[nodiscard]] bool runs(int micro_batches) const {
        return !problem_with(schedule, stages, micro_batches).has_value();
    }
    [[nodiscard]] Seconds step(int micro_batches) const {
        return micro_batch * static_cast<double>(micro_batches + stages - 1);
    }
};

std::vector<Pace> paces_of(Job const& job) {
    std::vector<Pace> out;
    for (auto const& kind : job.plan.kinds) {
        int const stages = stages_of(kind);
        out.push_back({Seconds{}, stages, kind.replicas * kind.micro_batch,
                       static_cast<double>(parts_of(job.plan.schedule, stages)) / stages, job.plan.schedule});
    }
    for (auto const& rank_class : build_program(job).classes) {
        auto const alone = time_alone(job.topology, job.timings, rank_class.pool);
        std::vector<Seconds> times;
        for (auto const& block : rank_class.blocks) {
            times.push_back(block_time(block.ops, alone));
        }
        Seconds all; // of the micro-batches that the schedule shows
        int forwards = 0;
        for (auto const& item : rank_class.schedule) {
            auto const phase = rank_class.blocks[static_cast<std::size_t>(item.block)].phase;
            all += phase == Phase::step_end ? Seconds{} : times[static_cast<std::size_t>(item.block)];
            forwards += phase == Phase::forward || phase == Phase::forward_and_backward ? 1 : 0;
        }
        auto& pace = out[static_cast<std::size_t>(rank_class.replica_kind)];
        pace.micro_batch = std::max(pace.micro_batch, all * (pace.chunks / static_cast<double>(forwards)));
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

} // namespace moesaic::parallel
