#include "parallel/check_plan.hpp"

#include <fmt/format.h>
#include <utility>

namespace moesaic::parallel {

namespace {

/// The groups part the ranks of every stage evenly.
void check_apart(ReplicaKind const& kind) {
    auto const& apart = *kind.apart;
    auto const check = [&](int ranks, std::string_view what, Origin const& at) {
        if (ranks % apart.groups != 0) {
            throw InputError{
                at, fmt::format("{} {} of a stage do not divide into {} groups", ranks, what, apart.groups)};
        }
    };
    for (auto const& group : kind.stage_groups) {
        check(ranks_of_stage(kind, group), "ranks with attention", apart.origin);
    }
    for (auto const& place : apart.places) {
        check(place.ranks, "ranks with experts", place.origin);
    }
}

} // namespace

void check_turns(ReplicaKind const& kind) {
    if (kind.apart && kind.micro_batches && *kind.micro_batches % kind.apart->batches_in_turn != 0) {
        throw InputError{kind.apart->origin, fmt::format("{} micro-batches do not divide into turns of {}",
                                                         *kind.micro_batches, kind.apart->batches_in_turn)};
    }
}

void check_experts(ReplicaKind const& kind) {
    if (kind.apart) {
        return check_apart(kind);
    }
    for (auto const& group : kind.stage_groups) {
        int const ranks = ranks_of_stage(kind, group);
        if (ranks % (kind.expert * kind.expert_tensor) != 0) {
            throw InputError{kind.origin,
                             fmt::format("expert degree {} x expert_tensor {} does not divide "
                                         "the {} ranks of a stage (tensor {} x context {} x replicas {})",
                                         kind.expert, kind.expert_tensor, ranks, group.tensor, kind.context,
                                         kind.replicas)};
        }
    }
}

namespace {

void check_pools(Plan const& plan, PlanContext const& context) {
    std::vector<int> used(context.pool_chips.size(), 0);
    auto const use = [&](int pool, int more, Origin const& at) {
        auto& chips = used[static_cast<std::size_t>(pool)];
        chips += more;
        int const have = context.pool_chips[static_cast<std::size_t>(pool)];
        if (chips > have) {
            throw InputError{at, fmt::format("the plan needs {} chips of pool \"{}\", which has {}", chips,
                                             context.pool_names[static_cast<std::size_t>(pool)], have)};
        }
    };
    for (auto const& kind : plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            use(group.pool, group.stages * ranks_of_stage(kind, group), group.origin);
        }
        for (auto const& place : kind.apart ? kind.apart->places : std::vector<ExpertRanks>{}) {
            use(place.pool, stages_of(kind) * place.ranks, place.origin);
        }
    }
}

void check_schedule(Plan const& plan) {
    for (auto const& kind : plan.kinds) {
        if (!kind.micro_batches) {
            continue;
        }
        int const turns = *kind.micro_batches / (kind.apart ? kind.apart->batches_in_turn : 1);
        if (auto const problem = problem_with(plan.schedule, stages_of(kind), turns)) {
            throw InputError{kind.origin, *problem};
        }
    }
}

/// The steps of the ring keep no maps to merge; other exchanges go with fused attention alone too, as in Megatron-LM.
void check_context(Plan const& plan) {
    for (auto const& kind : plan.kinds) {
        if (kind.context > 1 && !plan.fused_attention) {
            throw InputError{kind.origin, "a sequence over context ranks needs fused attention",
                             "Set context = 1, or leave out fused_attention = false"};
        }
    }
}

/// What plans with experts apart cannot be combined with.
void check_apart(Plan const& plan) {
    for (auto const& kind : plan.kinds) {
        if (!kind.apart) {
            continue;
        }
        auto const refuse = [&](bool here, std::string_view what) {
            if (here) {
                throw InputError{kind.apart->origin,
                                 fmt::format("experts on ranks of their own do not go with {} yet", what)};
            }
        };
        bool const whole = std::holds_alternative<GPipe>(plan.schedule) ||
                           std::holds_alternative<OneFOneB>(plan.schedule) ||
                           std::holds_alternative<Interleaved>(plan.schedule);
        refuse(!whole, fmt::format("the schedule {}", name_of(plan.schedule)));
        refuse(plan.overlap_exchange, "overlap_exchange (batches_in_turn hides the exchange)");
        refuse(plan.kinds.size() > 1, "several replica kinds");
        refuse(plan.zero == 3, "zero = \"parameters\"");
        refuse(plan.local_sgd.has_value(), "local_sgd");
        refuse(plan.adapters.has_value(), "adapters");
        refuse(plan.shard_group > 0, "shard_group");
        refuse(
            std::ranges::any_of(kind.stage_groups,
                                [](auto const& group) { return includes(group.recompute, Recompute::moe); }),
            "recompute = \"moe\" (full computes the experts again)");
        refuse(plan.expert_exchange == ExpertExchange::once_per_node, "expert_exchange = \"once_per_node\"");
        check_turns(kind);
    }
}

/// Ranks that share parameters or optimizer state must be some of those that hold the same weights.
void check_shard_group(Plan const& plan) {
    for (auto const& kind : plan.kinds) {
        int const ranks = kind.context * kind.replicas;
        if (plan.shard_group > 0 && ranks % plan.shard_group != 0) {
            throw InputError{plan.origin,
                             fmt::format("shard_group {} does not divide the {} ranks with the same "
                                         "weights (context {} x replicas {})",
                                         plan.shard_group, ranks, kind.context, kind.replicas)};
        }
    }
}

/// Replica kinds are a worker each; those of one kind part evenly, and each part holds all experts.
void check_workers(Plan const& plan) {
    if (!plan.local_sgd) {
        return;
    }
    auto const& [origin, workers] = std::pair{plan.local_sgd->origin, plan.local_sgd->workers};
    if (plan.kinds.size() > 1) {
        if (workers > 1) {
            throw InputError{origin, "workers is for plans with one kind of replicas",
                             "Leave it out: each replica kind is a worker"};
        }
        return;
    }
    auto const& kind = plan.kinds.front();
    if (workers < 2 || kind.replicas % workers != 0) {
        throw InputError{
            origin,
            fmt::format("{} replicas do not part into {} workers of their own", kind.replicas, workers),
            "Set workers to a divisor of the replicas, 2 or more, or list the replica_kinds of each cluster"};
    }
    if (plan.local_sgd->time_based) {
        throw InputError{origin,
                         "time_based is of use where workers are unlike, so with several replica kinds"};
    }
    for (auto const& group : kind.stage_groups) {
        int const ranks = ranks_of_stage(kind, group) / workers;
        int const sharers = kind.context * kind.replicas / workers;
        if (ranks % (kind.expert * kind.expert_tensor) != 0 ||
            (plan.shard_group > 0 && sharers % plan.shard_group != 0)) {
            throw InputError{origin,
                             fmt::format("a worker has {} ranks of a stage, which the expert degree and "
                                         "the shard group do not divide",
                                         ranks)};
        }
    }
}

} // namespace

void check_layout(Plan const& plan, PlanContext const& context) {
    check_pools(plan, context);
    check_shard_group(plan);
    check_workers(plan);
    check_context(plan);
}

namespace {

/// Of the layers whose activations lie in the host's memory none is kept when the last ones are, which holds for one
/// micro-batch in flight alone (and Megatron-Core's cpu_offloading has no other).
void check_offload(Plan const& plan) {
    for (auto const& kind : plan.kinds) {
        if (plan.offloaded_layers > 0 && (stages_of(kind) > 1 || plan.overlap_exchange)) {
            throw InputError{kind.origin, "offloaded_layers needs one stage and one micro-batch in flight",
                             "Leave it out, or set pipeline = 1 and overlap_exchange = false"};
        }
    }
}

} // namespace

void check_order(Plan const& plan) {
    check_apart(plan);
    check_offload(plan);
    check_schedule(plan);
}

} // namespace moesaic::parallel
