#include "parallel/read_plan.hpp"

#include "base/overloaded.hpp"
#include "parallel/check_plan.hpp"
#include "parallel/read_choice.hpp"
#include "parallel/read_open_plan.hpp"
#include "parallel/read_precision.hpp"
#include "parallel/software.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::parallel {

namespace {

int read_degree(io::TomlTable const& t, std::string_view key, int otherwise) {
    return t.count_or(key, otherwise, 1);
}

Recompute read_recompute(io::TomlTable const& t, Recompute otherwise) {
    return t.has("recompute") ? recompute_of_text(t.text("recompute"), t, "recompute") : otherwise;
}

Schedule read_schedule(io::TomlTable const& t) {
    bool const has_chunks = t.has("chunks");
    auto schedule = one_of<Schedule>(t, "schedule", OneFOneB{}, schedule_choices());
    if (auto* interleaved = std::get_if<Interleaved>(&schedule)) {
        interleaved->chunks = has_chunks ? t.count("chunks", 2) : 2;
    } else if (has_chunks) {
        throw InputError{t.origin("chunks"), "only the interleaved schedule has chunks",
                         "Set schedule = \"interleaved\", or leave it out"};
    }
    return schedule;
}

/// Whether forward and backward run as pairs: as `overlap_exchange` says, or DualPipe and DualPipeV where nothing does.
void settle_pairs(io::TomlTable const& t, Plan& plan) {
    bool const asked = t.has("overlap_exchange");
    plan.overlap_exchange = std::visit(
        overloaded{[&](DualPipe& s) { return s.paired = asked ? plan.overlap_exchange : true; },
                   [&](DualPipeV& s) { return s.paired = asked ? plan.overlap_exchange : true; },
                   [&](OneFOneB& s) { return s.paired = plan.overlap_exchange; },
                   [&](Interleaved& s) { return s.paired = plan.overlap_exchange; },
                   [&](auto const& s) {
                       if (asked && plan.overlap_exchange) {
                           throw InputError{
                               t.origin("overlap_exchange"),
                               fmt::format("the schedule {} has no pairs of a forward and a backward",
                                           name_of(Schedule{s})),
                               "Set schedule to 1f1b, interleaved, dualpipe or dualpipev"};
                       }
                       return false;
                   }},
        plan.schedule);
}

int find_pool(io::TomlTable const& t, PlanContext const& context) {
    if (!t.has("pool") && context.pool_names.size() == 1) {
        return 0;
    }
    if (!t.has("pool")) {
        throw InputError{
            t.origin("pool"), "is missing: the scenario has several pools",
            fmt::format("Name one of {}: under each [[parallel.replica_kinds]] for whole replicas on "
                        "each pool, or under each [[parallel.stages]] for stages on each",
                        fmt::join(context.pool_names, ", "))};
    }
    auto const name = t.text("pool");
    auto const at = std::ranges::find(context.pool_names, name);
    for (auto const& [other, pool] : context.other_names) {
        if (other == name) {
            return pool;
        }
    }
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
    double recompute_share = 1.0;
    model::Precision precision;
    int pipeline = 1, context = 1, expert = 1, expert_tensor = 1, micro_batch = 1;
    double expert_imbalance = 1.0;
    Origin tensor_origin{}, context_origin{}, expert_origin{},
        expert_tensor_origin{}; ///< where a degree was written
};

double read_imbalance(io::TomlTable const& t, double otherwise) {
    double const imbalance = t.number_or("expert_imbalance", otherwise);
    if (imbalance < 1.0) {
        throw InputError{t.origin("expert_imbalance"),
                         "is the busiest rank's rows over the mean, so it is 1 or more"};
    }
    return imbalance;
}

double read_share(io::TomlTable const& t, double otherwise) {
    double const share = t.number_or("recompute_share", otherwise);
    if (!(share > 0.0 && share <= 1.0)) {
        throw InputError{t.origin("recompute_share"), "is a share of the layers, above 0 and at most 1"};
    }
    return share;
}

Defaults read_defaults(io::TomlTable const& t, Defaults const& outer) {
    auto const origin = [&](std::string_view key, Origin const& otherwise) {
        return t.has(key) ? t.origin(key) : otherwise;
    };
    return {.tensor = read_degree(t, "tensor", outer.tensor),
            .recompute = read_recompute(t, outer.recompute),
            .recompute_share = read_share(t, outer.recompute_share),
            .precision = read_precision(t, outer.precision),
            .pipeline = read_degree(t, "pipeline", outer.pipeline),
            .context = read_degree(t, "context", outer.context),
            .expert = read_degree(t, "expert", outer.expert),
            .expert_tensor = read_degree(t, "expert_tensor", outer.expert_tensor),
            .micro_batch = read_degree(t, "micro_batch", outer.micro_batch),
            .expert_imbalance = read_imbalance(t, outer.expert_imbalance),
            .tensor_origin = origin("tensor", outer.tensor_origin),
            .context_origin = origin("context", outer.context_origin),
            .expert_origin = origin("expert", outer.expert_origin),
            .expert_tensor_origin = origin("expert_tensor", outer.expert_tensor_origin)};
}

StageGroup read_stage_group(io::TomlTable const& t, PlanContext const& context, Defaults const& outer,
                            std::string_view count_key) {
    StageGroup group{.pool = find_pool(t, context),
                     .stages = read_degree(t, count_key, count_key == "pipeline" ? outer.pipeline : 1),
                     .tensor = read_degree(t, "tensor", outer.tensor),
                     .recompute = read_recompute(t, outer.recompute),
                     .recompute_share = read_share(t, outer.recompute_share),
                     .precision = read_precision(t, outer.precision),
                     .layers = {},
                     .origin = t.origin(count_key),
                     .tensor_origin = t.has("tensor") ? t.origin("tensor") : outer.tensor_origin};
    if (t.has("layers")) {
        group.layers = t.counts("layers", 0);
        auto const listed = static_cast<int>(group.layers.size());
        if (listed == 0 || listed % group.stages != 0) { // parts of several chunks: see split_layers()
            throw InputError{t.origin("layers"),
                             fmt::format("lists {} stages, but there are {}", listed, group.stages)};
        }
    }
    return group;
}

/// Chips of a pool that experts alone take.
int expert_chips(ReplicaKind const& kind, int pool) {
    int sum = 0;
    if (kind.apart) {
        for (auto const& place : kind.apart->places) {
            sum += place.pool == pool ? place.ranks * stages_of(kind) : 0;
        }
    }
    return sum;
}

/// Products of what the file says, so that all later ones fit an int.
void check_size(std::initializer_list<int> factors, std::string_view what, Origin const& at) {
    double product = 1.0;
    for (int const factor : factors) {
        product *= factor;
    }
    if (product > io::most_things) {
        throw InputError{
            at, fmt::format("{} are too many (must be {} or less): {:.4g}", what, io::most_things, product)};
    }
}

/// One replica, before it is known how many there are.
void check_degrees(ReplicaKind const& kind) {
    int stages = 0;
    for (auto const& group : kind.stage_groups) {
        check_size({group.stages, group.tensor, kind.context}, "the chips of a replica", group.origin);
        stages += group.stages;
        check_size({stages}, "the stages", group.origin);
    }
    check_size({kind.expert, kind.expert_tensor}, "the ranks that share the experts", kind.origin);
    for (auto const& place : kind.apart ? kind.apart->places : std::vector<ExpertRanks>{}) {
        check_size({stages, place.ranks}, "the ranks with experts", place.origin);
    }
}

void check_replicas(ReplicaKind const& kind) {
    for (auto const& group : kind.stage_groups) {
        check_size({group.stages, group.tensor, kind.context, kind.replicas}, "the chips of the replicas",
                   group.origin);
    }
    check_size({kind.replicas, kind.micro_batch, kind.micro_batches.value_or(1)}, "the sequences of a step",
               kind.origin);
}

/// As many replicas as the chips of the pools allow; the whole of the pool must be used up.
int derive_replicas(ReplicaKind const& kind, PlanContext const& context) {
    std::vector<int> per_replica(context.pool_chips.size(), 0);
    for (auto const& g : kind.stage_groups) {
        per_replica[static_cast<std::size_t>(g.pool)] += g.stages * g.tensor * kind.context;
    }
    std::optional<int> replicas;
    for (std::size_t p = 0; p < per_replica.size(); ++p) {
        if (per_replica[p] == 0) {
            continue;
        }
        int const chips = context.pool_chips[p] - expert_chips(kind, static_cast<int>(p));
        if (chips > 0 && chips % per_replica[p] == 0 && replicas && *replicas != chips / per_replica[p]) {
            throw InputError{
                kind.origin,
                fmt::format(
                    "pool \"{}\" has chips for {} replicas ({} of {} chips each), but pools before it "
                    "have them for {}",
                    context.pool_names[p], chips / per_replica[p], chips, per_replica[p], *replicas),
                "Change the degrees, the pools' chips, or give `replicas`"};
        }
        if (chips <= 0 || chips % per_replica[p] != 0) {
            throw InputError{
                kind.origin,
                fmt::format("pool \"{}\" has {} chips{}, which do not divide into replicas of {} "
                            "chips (tensor x context x stages)",
                            context.pool_names[p], chips, kind.apart ? " beside those of experts alone" : "",
                            per_replica[p]),
                "Change the degrees, the pool's chips, or give `replicas`"};
        }
        replicas = chips / per_replica[p];
    }
    return replicas.value_or(1);
}

/// A number for all MoE layers, or one for each.
std::vector<int> read_experts(io::TomlTable const& t, std::string_view key, int least) {
    auto out = t.is_array(key) ? t.counts(key, least) : std::vector{t.count(key, least)};
    if (out.empty()) {
        throw InputError{t.origin(key), "lists no layer"};
    }
    return out;
}

ExpertRanks read_expert_ranks(io::TomlTable const& t, PlanContext const& context, Defaults const& outer) {
    ExpertRanks out{.pool = find_pool(t, context),
                    .ranks = t.count("ranks", 1),
                    .experts = {},
                    .precision = outer.precision,
                    .origin = t.origin("ranks")};
    out.precision.gemm = read_dtype(t, "precision", outer.precision.gemm);
    if (t.has("experts_per_rank")) {
        out.experts = read_experts(t, "experts_per_rank", 1);
    }
    return out;
}

/// [parallel.experts]: one pool named in the table itself, or several under [[…places]].
ExpertsApart read_apart(io::TomlTable const& t, PlanContext const& context, Defaults const& outer) {
    ExpertsApart out{.places = {},
                     .on_attention = {},
                     .by_speed = t.boolean_or("by_speed", false),
                     .groups = read_degree(t, "exchange_groups", 1),
                     .batches_in_turn = read_degree(t, "batches_in_turn", 2),
                     .origin = t.origin()};
    for (auto const& place : t.tables("places")) {
        out.places.push_back(read_expert_ranks(place, context, outer));
        place.reject_unknown_keys();
    }
    if (out.places.empty()) {
        out.places.push_back(read_expert_ranks(t, context, outer));
    }
    if (t.has("on_attention_ranks")) {
        out.on_attention = read_experts(t, "on_attention_ranks", 0);
    }
    bool const numbers =
        !out.on_attention.empty() ||
        std::ranges::any_of(out.places, [](ExpertRanks const& place) { return !place.experts.empty(); });
    if (out.by_speed && numbers) {
        throw InputError{t.origin("by_speed"), "and numbers of experts say the same thing twice",
                         "Leave out one of them"};
    }
    t.reject_unknown_keys();
    return out;
}

ReplicaKind read_kind(io::TomlTable const& t, PlanContext const& context, Defaults const& outer) {
    auto const own = read_defaults(t, outer);
    ReplicaKind kind{.name = t.text_or("name", "all"),
                     .replicas = 1,
                     .context = own.context,
                     .expert = own.expert,
                     .expert_tensor = own.expert_tensor,
                     .micro_batch = own.micro_batch,
                     .micro_batches = std::nullopt,
                     .expert_imbalance = own.expert_imbalance,
                     .redundant_experts = 0,
                     .apart = std::nullopt,
                     .stage_groups = {},
                     .origin = t.origin(),
                     .context_origin = own.context_origin,
                     .expert_origin = own.expert_origin,
                     .expert_tensor_origin = own.expert_tensor_origin};
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
    if (auto const experts = t.optional_table("experts")) {
        if (own.expert > 1 || own.expert_tensor > 1) {
            throw InputError{t.origin(own.expert > 1 ? "expert" : "expert_tensor"),
                             "is for experts on the ranks of attention, and [experts] puts them on others",
                             "Leave it out: the experts are spread over the `ranks` of [experts]"};
        }
        kind.apart = read_apart(*experts, context, own);
    }
    kind.redundant_experts = t.count_or("redundant_experts", 0, 0);
    if (kind.redundant_experts > 0 && kind.apart) {
        throw InputError{t.origin("redundant_experts"), "does not go with experts on ranks of their own yet"};
    }
    check_degrees(kind);
    kind.replicas = t.has("replicas") ? t.count("replicas", 1) : derive_replicas(kind, context);
    if (t.has("micro_batches")) {
        kind.micro_batches = t.count("micro_batches", 1);
    }
    check_replicas(kind);
    check_experts(kind);
    if (kind.apart) {
        kind.expert = expert_spread(kind);
    }
    // the busiest of n ranks has at most n times the mean
    kind.expert_imbalance = std::min(kind.expert_imbalance, static_cast<double>(kind.expert));
    return kind;
}

/// One kind: its share of the batch follows. More kinds: either all give micro_batches and they add up, or
/// none does.
void settle_micro_batches(Plan& plan, PlanContext const& context) {
    constexpr int most_micro_batches = 200'000; // a step of each is kept
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
        if (*kind.micro_batches > most_micro_batches) {
            throw InputError{
                plan.origin,
                fmt::format("gives each replica {} micro-batches; more than {} are not simulated",
                            *kind.micro_batches, most_micro_batches),
                "Take more replicas or a larger micro-batch"};
        }
    }
    std::int64_t sequences = 0;
    int known = 0;
    for (auto const& kind : plan.kinds) {
        known += kind.micro_batches ? 1 : 0;
        sequences += std::int64_t{kind.replicas} * kind.micro_batch * kind.micro_batches.value_or(0);
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

/// All of [parallel] but where it runs.
Plan read_all_but_kinds(io::TomlTable const& table, PlanContext const& context) {
    Plan plan = context.defaults;
    plan.origin = table.origin();
    plan.schedule = read_schedule(table);
    plan.layer_split = one_of(table, "layer_split", LayerSplit::even, layer_split_choices());
    plan.zero = one_of(table, "zero", 1, zero_choices());
    plan.shard_group = table.count_or("shard_group", 0, 1);
    plan.offloaded_layers = table.count_or("offloaded_layers", 0, 0);
    if (plan.shard_group > 0 && plan.zero == 0) {
        throw InputError{table.origin("shard_group"), "has no use: zero = \"none\" shares nothing out"};
    }
    read_practice(table, plan);
    read_practice(table, plan.practice);
    settle_pairs(table, plan);
    if (auto const local = table.optional_table("local_sgd")) {
        plan.local_sgd = read_local_sgd(*local);
    }
    if (table.has("adapters")) {
        plan.adapters = table.count("adapters", 1);
    }
    if (plan.adapters && plan.frozen_weights_quantised && model::has_wider(context.precision)) {
        throw InputError{table.origin("adapters"),
                         "frozen weights are held in one format, but [training.wider] asks for several",
                         "Set frozen_weights_quantised = false, or leave out [training.wider]"};
    }
    return plan;
}

} // namespace

bool leaves_layout_open(io::TomlTable const& t, PlanContext const& context) {
    auto const has_any = [&](std::initializer_list<char const*> keys) {
        return std::ranges::any_of(keys, [&](char const* key) { return t.has(key); });
    };
    bool const on_pools = has_any({"replica_kinds", "stages", "pool", "experts"});
    bool const has_degrees = has_any({"tensor", "context", "pipeline", "expert", "expert_tensor", "replicas",
                                      "micro_batch", "micro_batches", "layers"});
    return !on_pools && (context.pool_names.size() > 1 || !has_degrees);
}

Plan read_open_plan(io::TomlTable const& table, PlanContext const& context) {
    auto plan = read_all_but_kinds(table, context);
    (void)read_defaults(table, {.precision = context.precision});
    for (auto const* key : {"name", "replicas", "micro_batches", "layers", "redundant_experts"}) {
        (void)table.has(key); // of a layout, and known
    }
    table.reject_unknown_keys();
    return plan;
}

Plan read_plan(io::TomlTable const& table, PlanContext const& context) {
    auto plan = read_all_but_kinds(table, context);
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
    check_layout(plan, context);
    settle_micro_batches(plan, context);
    check_order(plan);
    return plan;
}

} // namespace moesaic::parallel
