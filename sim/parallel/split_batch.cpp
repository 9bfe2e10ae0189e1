#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "parallel/build_program.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace moesaic::parallel {

namespace {

/// Alone on its links: start-up and the group's bytes at the bandwidth of the farthest tier.
Seconds uncontended(Job const& job, RankClass const& owner, Collective const& c) {
    auto const last = ChipIndex{c.group.first.index() + c.group.stride * (c.group.count - 1)};
    auto const tier = job.topology.tier(c.group.first, last);
    auto const& node = job.topology.pool(owner.pool).cluster.node;
    auto const ranks = static_cast<int>(c.group.count);
    auto const nodes = std::max(1, static_cast<int>(c.group.stride * c.group.count / node.chips));
    auto const cost = job.timings.collective(node, c.kind, tier, c.bytes, ranks, nodes);
    return cost.startup + c.bytes / cost.attainable;
}

Seconds time_of(Job const& job, RankClass const& owner, Block const& block) {
    Seconds sum;
    for (auto const& op : block.ops) {
        sum += std::visit(overloaded{[](Compute const& c) { return c.duration.time; },
                                     [&](Collective const& c) {
                                         return op.detached ? Seconds{} : uncontended(job, owner, c);
                                     }},
                          op.work);
    }
    return sum;
}

/// What a replica kind needs per micro-batch on its slowest stage, and how deep its pipeline is.
struct Pace {
    Seconds micro_batch;
    int stages = 1;
    int sequences = 1; ///< of one micro-batch over all replicas of the kind
    [[nodiscard]] Seconds step(int micro_batches) const {
        return micro_batch * static_cast<double>(micro_batches + stages - 1);
    }
};

std::vector<Pace> paces_of(Job const& job) {
    std::vector<Pace> out;
    for (auto const& kind : job.plan.kinds) {
        out.push_back({Seconds{}, stages_of(kind), kind.replicas * kind.micro_batch});
    }
    for (auto const& rank_class : build_program(job).classes) {
        Seconds both; // the ordinary forward and backward blocks of all chunks
        for (auto const& block : rank_class.blocks) {
            bool const ordinary = block.name == name_of(block.phase) && block.phase != Phase::step_end;
            both += ordinary ? time_of(job, rank_class, block) : Seconds{};
        }
        auto& pace = out[static_cast<std::size_t>(rank_class.replica_kind)];
        pace.micro_batch = std::max(pace.micro_batch, both);
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
        if (left <= 0 || left % pace.sequences != 0) {
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
