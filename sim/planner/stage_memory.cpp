#include "planner/stage_memory.hpp"

#include "parallel/layer_activations.hpp"
#include "parallel/memory.hpp"

#include <algorithm>
#include <array>

namespace moesaic::planner {

using namespace parallel;

ReplicaKind kind_of(Problem const& problem, KindChoice const& choice) {
    ReplicaKind out{.name = {},
                    .replicas = choice.replicas,
                    .context = choice.context,
                    .expert = choice.expert,
                    .expert_tensor = 1,
                    .micro_batch = choice.micro_batch,
                    .micro_batches = std::nullopt,
                    .expert_imbalance = problem.imbalance.at(choice.expert),
                    .stage_groups = {},
                    .origin = {}};
    for (auto const& segment : choice.segments) {
        out.name += (out.name.empty() ? "" : " and ") +
                    problem.scenario.pools[static_cast<std::size_t>(segment.pool)].name;
        out.stage_groups.push_back({.pool = segment.pool,
                                    .stages = segment.stages,
                                    .tensor = segment.tensor,
                                    .recompute = Recompute::none,
                                    .precision = precision_on(problem, segment.pool),
                                    .layers = {},
                                    .origin = {}});
    }
    return out;
}

Plan plan_of(Problem const& problem, Candidate const& candidate) {
    auto plan = problem.scenario.plan;
    plan.schedule = candidate.schedule;
    plan.overlap_exchange = is_paired(candidate.schedule);
    plan.zero = candidate.zero;
    plan.layer_split = LayerSplit::balanced;
    plan.offloaded_layers = 0; // of no stage: it is not searched
    plan.kinds.clear();
    for (auto const& choice : candidate.kinds) {
        plan.kinds.push_back(kind_of(problem, choice));
    }
    return plan;
}

namespace {

/// Of one micro-batch, by part: what is kept until its backward, and what waits for the weights' gradients.
struct SegmentBytes {
    PartBytes all;                                ///< with one micro-batch kept
    std::vector<std::array<double, parts>> layer; ///< of what is kept, by one layer
    std::vector<std::array<double, parts>> waiting;
};

double waiting_of(StageSetting const& setting, ChunkContent const& chunk) {
    auto const& model = setting.model;
    if (chunk.layers.count() > 0) {
        return waiting_bytes(setting, chunk.layers.begin).value();
    }
    if (!chunk.head) {
        return 0.0;
    }
    double const modules =
        model.mtp_depth > 0 ? model.mtp_depth * waiting_bytes(setting, model.layers).value() : 0.0;
    return modules + head_bytes(setting).waiting.value();
}

/// Of what a part keeps: the head's layers are those of its MTP modules.
double layer_of(StageSetting const& setting, std::size_t part, double kept) {
    if (part != head_part) {
        return kept;
    }
    return (kept - head_bytes(setting).kept.value()) / std::max(setting.model.mtp_depth, 1);
}

SegmentBytes bytes_of_segment(Problem const& problem, Contents const& contents,
                              std::vector<Plan> const& plans, StagePlace place, std::size_t group) {
    auto const& model = problem.scenario.model;
    std::vector<Slot> const one{{Phase::forward, 0, 0}};
    SegmentBytes out;
    out.all.capacity = hardware::memory_of(problem.node(static_cast<int>(place.pool.index())).chip).value();
    out.all.kept.resize(plans.size());
    out.all.buffers.resize(plans.size());
    out.layer.resize(plans.size());
    out.waiting.resize(plans.size());
    for (std::size_t r = 0; r < plans.size(); ++r) {
        place.group = &plans[r].kinds[static_cast<std::size_t>(place.kind)].stage_groups[group];
        auto const setting = stage_setting(model, plans[r], place, problem.scenario.shape.sequence_length);
        ChunkContent const nothing{.layers = {model.layers, model.layers}, .embedding = false, .head = false};
        auto const empty = memory_of(setting, {{nothing}, one});
        out.all.fixed = (empty.reserve + empty.buffers).value();
        for (std::size_t p = 0; p < first_kind + contents.examples().size(); ++p) {
            auto const chunk = chunk_of(contents, p);
            auto const of = memory_of(setting, {{chunk}, one});
            out.all.states[p] = (of.weights + of.gradients + of.optimizer).value();
            out.all.kept[r][p] = of.activations.value();
            out.all.buffers[r][p] = (of.buffers - empty.buffers).value();
            out.layer[r][p] = layer_of(setting, p, out.all.kept[r][p]);
            out.waiting[r][p] = waiting_of(setting, chunk);
        }
    }
    return out;
}

/// With as much kept as the turns of the stage ask for.
PartBytes at_stage(SegmentBytes const& segment, std::vector<Slot> const& slots) {
    auto out = segment.all;
    if (std::ranges::any_of(slots, &Slot::with_next)) {
        out.running = segment.layer;
    }
    for (std::size_t r = 0; r < out.kept.size(); ++r) {
        for (std::size_t p = 0; p < parts; ++p) {
            auto& kept = out.kept[r][p];
            kept = peak_kept(slots, std::array{Kept{kept, segment.waiting[r][p]}});
        }
    }
    return out;
}

/// Beyond so many per stage, more micro-batches change nothing of what is kept at a time.
constexpr int steady_micro_batches = 4;

} // namespace

std::vector<PartBytes> bytes_of_stages(Problem const& problem, Candidate const& candidate, std::size_t kind,
                                       LayerTimes const& times, int micro_batches) {
    std::vector<Plan> plans;
    for (auto const r : times.recompute()) {
        plans.push_back(plan_of(problem, candidate));
        for (auto& group : plans.back().kinds[kind].stage_groups) {
            group.recompute = r;
        }
    }
    std::vector<PartBytes> out;
    int const stages = stages_of(candidate.kinds[kind]);
    int const shown = std::min(micro_batches, steady_micro_batches * stages);
    auto const& groups = plans[0].kinds[kind].stage_groups;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        RankSet const ranks{ChipIndex{0}, 1, ranks_of_stage(plans[0].kinds[kind], groups[g])};
        StagePlace const place{static_cast<int>(kind), 0, &groups[g], PoolId{groups[g].pool}, ranks};
        auto const segment = bytes_of_segment(problem, times.contents(), plans, place, g);
        for (int i = 0; i < groups[g].stages; ++i) {
            auto const at = static_cast<int>(out.size());
            out.push_back(at_stage(segment, slots_of(candidate.schedule, at, stages, shown)));
        }
    }
    return out;
}

} // namespace moesaic::planner
