#include "parallel/plan.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace moesaic::parallel {

std::string_view name_of(Recompute recompute) {
    constexpr std::string_view names[] = {"none", "selective", "full"};
    return names[static_cast<int>(recompute)];
}

int stages_of(ReplicaKind const& kind) {
    return std::accumulate(kind.stage_groups.begin(), kind.stage_groups.end(), 0,
                           [](int sum, StageGroup const& g) { return sum + g.stages; });
}

int ranks_of_stage(ReplicaKind const& kind, StageGroup const& group) { return group.tensor * kind.replicas; }

int chips_of(ReplicaKind const& kind) {
    return std::accumulate(
        kind.stage_groups.begin(), kind.stage_groups.end(), 0,
        [&](int sum, StageGroup const& g) { return sum + g.stages * ranks_of_stage(kind, g); });
}

namespace {

int read_degree(io::TomlTable const& t, std::string_view key, int otherwise) {
    return static_cast<int>(t.integer_or(key, otherwise, 1));
}

template <class T>
T one_of(io::TomlTable const& t, std::string_view key, T otherwise,
         std::vector<std::pair<std::string, T>> const& choices) {
    if (!t.has(key)) {
        return otherwise;
    }
    auto const chosen = t.text(key);
    std::vector<std::string> names;
    for (auto const& [name, value] : choices) {
        if (name == chosen) {
            return value;
        }
        names.push_back(name);
    }
    throw InputError{t.origin(key), fmt::format("\"{}\" is not known", chosen), suggestion(chosen, names)};
}

Dtype read_dtype(io::TomlTable const& t, std::string_view key, Dtype otherwise) {
    if (!t.has(key)) {
        return otherwise;
    }
    auto const name = t.text(key);
    if (auto const found = find_dtype(name)) {
        return *found;
    }
    throw InputError{t.origin(key), fmt::format("number format \"{}\" is not known", name),
                     suggestion(name, dtype_names())};
}

Recompute read_recompute(io::TomlTable const& t, Recompute otherwise) {
    return one_of<Recompute>(
        t, "recompute", otherwise,
        {{"none", Recompute::none}, {"selective", Recompute::selective}, {"full", Recompute::full}});
}

Schedule read_schedule(io::TomlTable const& t) {
    auto const name = t.text_or("schedule", "1f1b");
    bool const has_chunks = t.has("chunks");
    if (name == "interleaved") {
        return Interleaved{has_chunks ? static_cast<int>(t.integer_from("chunks", 2)) : 2};
    }
    if (has_chunks) {
        throw InputError{t.origin("chunks"), "only the interleaved schedule has chunks",
                         "Set schedule = \"interleaved\", or leave it out"};
    }
    return one_of<Schedule>(t, "schedule", OneFOneB{},
                            {{"1f1b", OneFOneB{}}, {"gpipe", GPipe{}}, {"interleaved", Interleaved{}}});
}

int find_pool(io::TomlTable const& t, PlanContext const& context) {
    if (!t.has("pool") && context.pool_names.size() == 1) {
        return 0;
    }
    auto const name = t.text("pool");
    auto const at = std::ranges::find(context.pool_names, name);
    if (at == context.pool_names.end()) {
        throw InputError{t.origin("pool"), fmt::format("there is no pool \"{}\"", name),
                         suggestion(name, context.pool_names)};
    }
    return static_cast<int>(at - context.pool_names.begin());
}

/// The degrees of a whole layout that stage groups inherit.
struct Defaults {
    int tensor = 1;
    Recompute recompute = Recompute::none;
    model::Precision precision;
    int pipeline = 1, expert = 1, expert_tensor = 1, micro_batch = 1;
};

Defaults read_defaults(io::TomlTable const& t, Defaults const& outer) {
    return {.tensor = read_degree(t, "tensor", outer.tensor),
            .recompute = read_recompute(t, outer.recompute),
            .precision = read_precision(t, outer.precision),
            .pipeline = read_degree(t, "pipeline", outer.pipeline),
            .expert = read_degree(t, "expert", outer.expert),
            .expert_tensor = read_degree(t, "expert_tensor", outer.expert_tensor),
            .micro_batch = read_degree(t, "micro_batch", outer.micro_batch)};
}

StageGroup read_stage_group(io::TomlTable const& t, PlanContext const& context, Defaults const& outer,
                            std::string_view count_key) {
    StageGroup group{.pool = find_pool(t, context),
                     .stages = read_degree(t, count_key, count_key == "pipeline" ? outer.pipeline : 1),
                     .tensor = read_degree(t, "tensor", outer.tensor),
                     .recompute = read_recompute(t, outer.recompute),
                     .precision = read_precision(t, outer.precision),
                     .layers = {},
                     .origin = t.origin(count_key)};
    if (t.has("layers")) {
        for (auto const n : t.integers("layers")) {
            group.layers.push_back(static_cast<int>(n));
        }
        if (static_cast<int>(group.layers.size()) != group.stages) {
            throw InputError{t.origin("layers"), fmt::format("lists {} stages, but there are {}",
                                                             group.layers.size(), group.stages)};
        }
    }
    return group;
}

/// As many replicas as the chips of the pools allow; the whole of the pool must be used up.
int derive_replicas(ReplicaKind const& kind, PlanContext const& context) {
    std::vector<int> per_replica(context.pool_chips.size(), 0);
    for (auto const& g : kind.stage_groups) {
        per_replica[static_cast<std::size_t>(g.pool)] += g.stages * g.tensor;
    }
    std::optional<int> replicas;
    for (std::size_t p = 0; p < per_replica.size(); ++p) {
        if (per_replica[p] == 0) {
            continue;
        }
        int const chips = context.pool_chips[p];
        if (chips % per_replica[p] != 0 || (replicas && *replicas != chips / per_replica[p])) {
            throw InputError{kind.origin,
                             fmt::format("pool \"{}\" has {} chips, which do not divide into replicas of {} "
                                         "chips (tensor x stages)",
                                         context.pool_names[p], chips, per_replica[p]),
                             "Change the degrees, the pool's chips, or give `replicas`"};
        }
        replicas = chips / per_replica[p];
    }
    return replicas.value_or(1);
}

void check_experts(ReplicaKind const& kind) {
    for (auto const& group : kind.stage_groups) {
        int const ranks = ranks_of_stage(kind, group);
        if (ranks % (kind.expert * kind.expert_tensor) != 0) {
            throw InputError{kind.origin, fmt::format("expert degree {} x expert_tensor {} does not divide "
                                                      "the {} ranks of a stage (tensor {} x replicas {})",
                                                      kind.expert, kind.expert_tensor, ranks, group.tensor,
                                                      kind.replicas)};
        }
    }
}

ReplicaKind read_kind(io::TomlTable const& t, PlanContext const& context, Defaults const& outer) {
    auto const own = read_defaults(t, outer);
    ReplicaKind kind{.name = t.text_or("name", "all"),
                     .replicas = 1,
                     .expert = own.expert,
                     .expert_tensor = own.expert_tensor,
                     .micro_batch = own.micro_batch,
                     .micro_batches = std::nullopt,
                     .stage_groups = {},
                     .origin = t.origin()};
    for (auto const& group : t.tables("stages")) {
        kind.stage_groups.push_back(read_stage_group(group, context, own, "count"));
        group.reject_unknown_keys();
    }
    if (kind.stage_groups.empty()) {
        kind.stage_groups.push_back(read_stage_group(t, context, own, "pipeline"));
    } else if (t.has("pipeline")) {
        throw InputError{t.origin("pipeline"), "the stages are listed one by one below",
                         "Leave out `pipeline`, or the [[…stages]] tables"};
    }
    kind.replicas =
        t.has("replicas") ? static_cast<int>(t.integer_from("replicas", 1)) : derive_replicas(kind, context);
    if (t.has("micro_batches")) {
        kind.micro_batches = static_cast<int>(t.integer_from("micro_batches", 1));
    }
    check_experts(kind);
    return kind;
}

void check_pools(Plan const& plan, PlanContext const& context) {
    std::vector<int> used(context.pool_chips.size(), 0);
    for (auto const& kind : plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            auto& chips = used[static_cast<std::size_t>(group.pool)];
            chips += group.stages * ranks_of_stage(kind, group);
            int const have = context.pool_chips[static_cast<std::size_t>(group.pool)];
            if (chips > have) {
                throw InputError{group.origin,
                                 fmt::format("the plan needs {} chips of pool \"{}\", which has {}", chips,
                                             context.pool_names[static_cast<std::size_t>(group.pool)], have)};
            }
        }
    }
}

/// One kind: its share of the batch follows. More kinds: either all give micro_batches and they add up, or
/// none does.
void settle_micro_batches(Plan& plan, PlanContext const& context) {
    if (plan.kinds.size() == 1 && !plan.kinds[0].micro_batches) {
        auto& kind = plan.kinds[0];
        int const sequences = kind.replicas * kind.micro_batch;
        if (context.global_batch % sequences != 0) {
            throw InputError{
                plan.origin,
                fmt::format(
                    "a global batch of {} sequences does not divide into {} replicas x micro-batches of {}",
                    context.global_batch, kind.replicas, kind.micro_batch)};
        }
        kind.micro_batches = context.global_batch / sequences;
    }
    int sequences = 0;
    int known = 0;
    for (auto const& kind : plan.kinds) {
        known += kind.micro_batches ? 1 : 0;
        sequences += kind.replicas * kind.micro_batch * kind.micro_batches.value_or(0);
    }
    if (known != 0 && known != static_cast<int>(plan.kinds.size())) {
        throw InputError{plan.origin, "micro_batches must be given for all replica kinds or for none",
                         "Without it they are split by speed"};
    }
    if (known != 0 && sequences != context.global_batch) {
        throw InputError{plan.origin,
                         fmt::format("the replicas take {} sequences per step, but the global batch has {}",
                                     sequences, context.global_batch)};
    }
}

void check_interleaving(Plan const& plan) {
    if (!std::holds_alternative<Interleaved>(plan.schedule)) {
        return;
    }
    for (auto const& kind : plan.kinds) {
        if (kind.micro_batches && *kind.micro_batches % stages_of(kind) != 0) {
            throw InputError{kind.origin, fmt::format("the interleaved schedule needs micro-batches ({}) "
                                                      "that are a multiple of the stages ({})",
                                                      *kind.micro_batches, stages_of(kind))};
        }
    }
}

} // namespace

model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise) {
    model::Precision precision = otherwise;
    precision.gemm = read_dtype(table, "precision", otherwise.gemm);
    precision.dispatch = read_dtype(table, "dispatch_precision", otherwise.dispatch);
    return precision;
}

Plan read_plan(io::TomlTable const& table, PlanContext const& context) {
    Plan plan;
    plan.origin = table.origin();
    plan.schedule = read_schedule(table);
    plan.layer_split = one_of<LayerSplit>(table, "layer_split", LayerSplit::even,
                                          {{"even", LayerSplit::even}, {"balanced", LayerSplit::balanced}});
    plan.zero = one_of<int>(table, "zero", 1, {{"none", 0}, {"optimizer", 1}});
    plan.overlap_gradients = table.boolean_or("overlap_gradients", true);
    plan.overlap_parameters = table.boolean_or("overlap_parameters", true);
    plan.overlap_shared_experts = table.boolean_or("overlap_shared_experts", false);
    plan.gradient = read_dtype(table, "gradient", Dtype::fp32);
    plan.expert_imbalance = table.number_or("expert_imbalance", 1.0);
    if (plan.expert_imbalance < 1.0) {
        throw InputError{table.origin("expert_imbalance"),
                         "is the busiest rank's rows over the mean, so it is 1 or more"};
    }
    plan.memory_reserve = table.optional_quantity<Bytes>("memory_reserve").value_or(plan.memory_reserve);
    Defaults const outer{.precision = context.precision};
    auto const kinds = table.tables("replica_kinds");
    for (auto const& kind : kinds) {
        plan.kinds.push_back(read_kind(kind, context, read_defaults(table, outer)));
        kind.reject_unknown_keys();
    }
    if (kinds.empty()) {
        plan.kinds.push_back(read_kind(table, context, outer));
    }
    table.reject_unknown_keys();
    check_pools(plan, context);
    settle_micro_batches(plan, context);
    check_interleaving(plan);
    return plan;
}

} // namespace moesaic::parallel
