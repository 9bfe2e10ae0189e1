#include "planner/plan_text.hpp"

#include "parallel/read_precision.hpp"
#include "planner/candidate.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>

namespace moesaic::planner {

using namespace parallel;

namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) {
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    }
    return out + "\"";
}

std::string line(std::string_view key, bool value) { return fmt::format("{} = {}\n", key, value); }
std::string line(std::string_view key, int value) { return fmt::format("{} = {}\n", key, value); }
std::string line(std::string_view key, std::string_view text) {
    return fmt::format("{} = {}\n", key, in_quotes(text));
}

std::string schedule_lines(Schedule const& schedule) {
    auto const* interleaved = std::get_if<Interleaved>(&schedule);
    return line("schedule", choice_of(schedule)) +
           (interleaved ? line("chunks", interleaved->chunks) : std::string{});
}

/// What read_practice() reads.
std::string practice_lines(Plan const& plan) {
    std::string out = line("gradient", name_of(plan.gradient));
    if (plan.parameter_gather) {
        out += line("parameter_gather", name_of(*plan.parameter_gather));
    }
    out += line("gradient_all_reduce", plan.gradient_all_reduce);
    out += line("overlap_gradients", plan.overlap_gradients);
    out += line("overlap_parameters", plan.overlap_parameters);
    out += line("parameter_broadcasts", plan.parameter_broadcasts);
    out += line("overlap_shared_experts", plan.overlap_shared_experts);
    out += line("expert_exchange", name_in(expert_exchange_choices(), plan.expert_exchange));
    if (!plan.exchange_library.empty()) {
        out += line("exchange_library", std::string_view{plan.exchange_library});
    }
    out += line("exchange_processors", plan.exchange_processors);
    if (!plan.algorithms.empty()) {
        std::vector<std::string> named;
        for (auto const& [kind, algorithm] : plan.algorithms) {
            named.push_back(fmt::format("{} = \"{}\"", timing::name_of(kind), timing::name_of(algorithm)));
        }
        out += fmt::format("collectives = {{ {} }}\n", fmt::join(named, ", "));
    }
    out += fmt::format("communication_share = {}\n", plan.communication_share);
    if (plan.kept_inputs) {
        out += line("kept_inputs", name_of(*plan.kept_inputs));
    }
    out += line("quantised_inputs_kept", plan.quantised_inputs_kept);
    out += line("loss_memory", name_in(loss_memory_choices(), plan.loss_memory));
    out += line("optimizer_moments", name_of(plan.optimizer_moments));
    out += line("fp32_shares", plan.fp32_shares);
    out += line("weighted_activation", plan.weighted_activation);
    out += line("fused_gate", plan.fused_gate);
    out += line("sequence_parallel", plan.sequence_parallel);
    std::vector<std::string> blocking;
    std::ranges::transform(plan.blocking_messages, std::back_inserter(blocking),
                           [](Schedule const& schedule) { return in_quotes(choice_of(schedule)); });
    out += fmt::format("blocking_messages = [{}]\n", fmt::join(blocking, ", "));
    out += line("messages_in_turn", plan.messages_in_turn);
    out += line("whole_messages", plan.whole_messages);
    out += line("tensor_overlap", name_in(tensor_overlap_choices(), plan.tensor_overlap));
    out += line("context_exchange", name_in(context_exchange_choices(), plan.context_exchange));
    out += line("fused_attention", plan.fused_attention);
    if (plan.chips_alike) {
        out += line("chips_alike", true);
    }
    return out + fmt::format("memory_reserve = \"{} B\"\n", plan.memory_reserve.value());
}

std::string factors_text(auto const& factors) {
    std::vector<std::string> out;
    for (auto const& [of, factor] : factors) {
        out.push_back(fmt::format("{} = {}", name_of(of), factor));
    }
    return fmt::format("{{ {} }}", fmt::join(out, ", "));
}

/// A list of tables, one for each run of entries that say the same of several chips.
/// @param values of an entry, as `key = value, …`
template <class Entry>
std::string lines_by_chip(std::string_view key, std::vector<Entry> const& entries, auto values) {
    std::vector<std::pair<std::string, std::vector<std::string>>> runs; // values, and the chips
    for (auto const& entry : entries) {
        auto text = values(entry);
        if (runs.empty() || runs.back().first != text) {
            runs.push_back({std::move(text), {}});
        }
        runs.back().second.push_back(in_quotes(entry.chip));
    }
    std::vector<std::string> tables;
    for (auto const& [text, chips] : runs) {
        tables.push_back(
            fmt::format("{{ chips = [{}], {}, source = \"as planned\" }}", fmt::join(chips, ", "), text));
    }
    return tables.empty() ? "" : fmt::format("{} = [{}]\n", key, fmt::join(tables, ", "));
}

/// What the software's kernels cost beyond those that the timings describe: all of it, since the scenario may say other things
/// than its software.
std::string kernel_lines(Practice const& practice) {
    std::string out;
    if (!practice.stack.empty()) {
        out += line("stack", practice.stack);
    }
    out += line("fused_gradient_sum", practice.fused_gradient_sum);
    for (auto const& [key, bytes] : {std::pair{"gradient_copies", practice.gradient_copies},
                                     std::pair{"step_copies", practice.step_copies},
                                     std::pair{"averaging_copies", practice.averaging_copies},
                                     std::pair{"parameter_copies", practice.parameter_copies}}) {
        out += fmt::format("{} = \"{} B\"\n", key, bytes.value());
    }
    for (auto const& [key, time] :
         {std::pair{"host_layer", practice.host_layer}, std::pair{"host_step", practice.host_step}}) {
        out += fmt::format("{} = \"{} s\"\n", key, time.value());
    }
    if (!practice.passes.empty()) {
        out += fmt::format("passes = {}\n", factors_text(practice.passes));
    }
    out += lines_by_chip("on", practice.on, [](ChipPractice const& chip) {
        return fmt::format("host_moe_layer = \"{} s\", product_call = \"{} s\", products = {}, passes = {}",
                           chip.host_moe_layer.value(), chip.product_call.value(),
                           factors_text(chip.products), factors_text(chip.passes));
    });
    return out + lines_by_chip("attention", practice.attention, [](AttentionLimit const& limit) {
               return fmt::format("forward = {}, backward = {}", limit.forward, limit.backward);
           });
}

std::string local_sgd_line(LocalSgd const& local) {
    return fmt::format("local_sgd = {{ every = {}, method = {}, workers = {}, format = {}, time_based = {}, "
                       "offload = {} }}\n",
                       local.every, in_quotes(name_of(local.method)), local.workers,
                       in_quotes(name_of(local.format)), local.time_based, local.offload);
}

/// Formats that [training] does not say already: one that is changed there is then changed on all the other pools.
std::string format_lines(model::Precision const& own, model::Precision const& of_training) {
    std::string out;
    if (own.activations != of_training.activations) {
        out += line("activations", name_of(own.activations));
    }
    if (own.gemm != of_training.gemm) {
        out += line("precision", name_of(own.gemm));
    }
    if (own.dispatch != of_training.dispatch) {
        out += line("dispatch_precision", name_of(own.dispatch));
    }
    if (own.attention && own.attention != of_training.attention) {
        out += line("attention_precision", name_of(*own.attention));
    }
    return out;
}

std::string group_lines(scenario::Scenario const& s, StageGroup const& group,
                        model::Precision const& of_training) {
    auto out = line("pool", s.pools[static_cast<std::size_t>(group.pool)].name) +
               line("count", group.stages) + line("tensor", group.tensor) +
               line("recompute", name_of(group.recompute)) +
               fmt::format("recompute_share = {}\n", group.recompute_share) +
               format_lines(group.precision, of_training);
    if (!group.layers.empty()) {
        out += fmt::format("layers = [{}]\n", fmt::join(group.layers, ", "));
    }
    return out;
}

std::string kind_lines(scenario::Scenario const& s, ReplicaKind const& kind, std::string const& table,
                       model::Precision const& of_training) {
    auto out = line("replicas", kind.replicas) + line("context", kind.context) + line("expert", kind.expert) +
               line("expert_tensor", kind.expert_tensor) + line("micro_batch", kind.micro_batch);
    if (kind.micro_batches) {
        out += line("micro_batches", *kind.micro_batches);
    }
    if (kind.redundant_experts > 0) {
        out += line("redundant_experts", kind.redundant_experts);
    }
    if (!s.routing && kind.expert_imbalance != 1.0) {
        out += fmt::format("expert_imbalance = {}\n", kind.expert_imbalance);
    }
    for (auto const& group : kind.stage_groups) {
        out += fmt::format("\n[[{}.stages]]\n{}", table, group_lines(s, group, of_training));
    }
    return out;
}

} // namespace

std::string plan_toml(scenario::Scenario const& s, Plan const& plan) {
    auto out = "[parallel]\n" + schedule_lines(plan.schedule) +
               line("zero", name_in(zero_choices(), plan.zero)) +
               line("layer_split", name_in(layer_split_choices(), plan.layer_split));
    if (plan.shard_group > 0) {
        out += line("shard_group", plan.shard_group);
    }
    if (plan.offloaded_layers > 0) {
        out += line("offloaded_layers", plan.offloaded_layers);
    }
    if (plan.local_sgd) {
        out += local_sgd_line(*plan.local_sgd);
    }
    if (plan.adapters) {
        out += line("adapters", *plan.adapters);
    }
    out += line("frozen_weights_quantised", plan.frozen_weights_quantised);
    if (plan.overlap_exchange || is_dual(plan.schedule)) {
        out += line("overlap_exchange", plan.overlap_exchange);
    } else if (drains(plan.schedule) || std::holds_alternative<Interleaved>(plan.schedule)) {
        out += line("overlap_exchange", false);
    }
    out += practice_lines(plan) + kernel_lines(plan.practice);
    auto const of_training =
        read_precision(io::parse_toml(s.text, s.file, s.overrides).table("training"), {});
    if (plan.kinds.size() == 1) {
        return out + kind_lines(s, plan.kinds.front(), "parallel", of_training);
    }
    for (auto const& kind : plan.kinds) {
        out += fmt::format("\n[[parallel.replica_kinds]]\n{}{}", line("name", kind.name),
                           kind_lines(s, kind, "parallel.replica_kinds", of_training));
    }
    return out;
}

std::string scenario_text(scenario::Scenario const& s, Plan const& plan) {
    namespace fs = std::filesystem;
    auto overrides = s.overrides;
    auto const folder = fs::absolute(fs::path{s.file}).parent_path();
    auto const given = io::parse_toml(s.text, s.file, overrides);
    if (given.has("routing") && given.table("routing").has("file")) {
        auto const file = folder / given.table("routing").text("file");
        overrides.push_back({"routing.file", in_quotes(file.string())});
    }
    std::string out;
    if (!s.timings.empty()) {
        std::vector<std::string> files;
        for (auto const& file : s.timings) {
            files.push_back(in_quotes(fs::absolute(file).string()));
        }
        out += fmt::format("timings = [{}]\n", fmt::join(files, ", "));
    }
    out += io::parse_toml(s.text, s.file, overrides)
               .file_text({"parallel", "search", "published", "assumptions", "timings"});
    return out + "\n" + plan_toml(s, plan);
}

} // namespace moesaic::planner
