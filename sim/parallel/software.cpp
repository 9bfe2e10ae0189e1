#include "parallel/software.hpp"

#include "parallel/read_choice.hpp"

#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

double read_share(io::TomlTable const& table, std::string_view key, double otherwise) {
    double const share = table.number_or(key, otherwise);
    if (share < 0.0 || share >= 1.0) {
        throw InputError{table.origin(key), fmt::format("{} is not allowed (0 or more, below 1)", share)};
    }
    return share;
}

/// `collectives = { all_reduce = "tree", … }`
void read_algorithms(io::TomlTable const& table, Plan& plan) {
    using enum timing::CollectiveKind;
    for (auto const kind : {all_reduce, all_gather, reduce_scatter, all_to_all, broadcast}) {
        std::vector<std::pair<std::string, timing::Algorithm>> choices;
        for (auto const algorithm : timing::algorithms_of(kind)) {
            choices.emplace_back(name_of(algorithm), algorithm);
        }
        auto const key = timing::name_of(kind);
        if (table.has(key)) {
            plan.algorithms[kind] = one_of(table, key, timing::Algorithm::automatic, choices);
        }
    }
    table.reject_unknown_keys();
    if (table.has("all_to_all") && plan.expert_exchange == ExpertExchange::once_per_node) {
        throw InputError{table.origin("all_to_all"),
                         "names how tokens travel, which expert_exchange = \"once_per_node\" does already"};
    }
}

/// How tokens reach their experts.
void read_expert_exchange(io::TomlTable const& table, Plan& plan) {
    plan.overlap_shared_experts = table.boolean_or("overlap_shared_experts", plan.overlap_shared_experts);
    plan.overlap_exchange = table.boolean_or("overlap_exchange", plan.overlap_exchange);
    plan.expert_exchange = one_of(table, "expert_exchange", plan.expert_exchange, expert_exchange_choices());
    plan.exchange_library = table.text_or("exchange_library", plan.exchange_library);
    if (table.has("exchange_processors")) {
        plan.exchange_processors = table.count("exchange_processors", 1);
    }
}

/// Messages between stages, and what tensor and context ranks exchange.
void read_messages(io::TomlTable const& table, Plan& plan) {
    plan.sequence_parallel = table.boolean_or("sequence_parallel", plan.sequence_parallel);
    if (table.has("blocking_messages")) {
        plan.blocking_messages = some_of(table, "blocking_messages", schedule_choices());
    }
    plan.messages_in_turn = table.boolean_or("messages_in_turn", plan.messages_in_turn);
    plan.whole_messages = table.boolean_or("whole_messages", plan.whole_messages);
    plan.tensor_overlap = one_of(table, "tensor_overlap", plan.tensor_overlap, tensor_overlap_choices());
    plan.context_exchange =
        one_of(table, "context_exchange", plan.context_exchange, context_exchange_choices());
}

} // namespace

void read_practice(io::TomlTable const& table, Plan& plan) {
    plan.gradient = read_dtype(table, "gradient", plan.gradient);
    if (table.has("parameter_gather")) {
        plan.parameter_gather = read_dtype(table, "parameter_gather", Dtype::bf16);
    }
    plan.gradient_all_reduce = table.boolean_or("gradient_all_reduce", plan.gradient_all_reduce);
    plan.overlap_gradients = table.boolean_or("overlap_gradients", plan.overlap_gradients);
    plan.overlap_parameters = table.boolean_or("overlap_parameters", plan.overlap_parameters);
    read_expert_exchange(table, plan);
    if (table.has("collectives")) {
        read_algorithms(table.table("collectives"), plan);
    }
    plan.communication_share = read_share(table, "communication_share", plan.communication_share);
    if (table.has("kept_inputs")) {
        plan.kept_inputs = read_dtype(table, "kept_inputs", Dtype::bf16);
    }
    plan.quantised_inputs_kept = table.boolean_or("quantised_inputs_kept", plan.quantised_inputs_kept);
    plan.frozen_weights_quantised =
        table.boolean_or("frozen_weights_quantised", plan.frozen_weights_quantised);
    plan.loss_memory = one_of(table, "loss_memory", plan.loss_memory, loss_memory_choices());
    plan.optimizer_moments = read_dtype(table, "optimizer_moments", plan.optimizer_moments);
    plan.fp32_shares = table.boolean_or("fp32_shares", plan.fp32_shares);
    plan.weighted_activation = table.boolean_or("weighted_activation", plan.weighted_activation);
    plan.fused_gate = table.boolean_or("fused_gate", plan.fused_gate);
    read_messages(table, plan);
    plan.parameter_broadcasts = table.boolean_or("parameter_broadcasts", plan.parameter_broadcasts);
    plan.chips_alike = table.boolean_or("chips_alike", plan.chips_alike);
    plan.fused_attention = table.boolean_or("fused_attention", plan.fused_attention);
    plan.memory_reserve = table.optional_quantity<Bytes>("memory_reserve").value_or(plan.memory_reserve);
    if (plan.memory_reserve.value() < 0.0) {
        throw InputError{table.origin("memory_reserve"), "must not be negative"};
    }
}

Software read_software(io::TomlTable const& table) {
    Software out{
        .id = table.text("id"), .name = table.text("name"), .source = table.text("source"), .defaults = {}};
    read_practice(table, out.defaults);
    read_practice(table, out.defaults.practice);
    table.reject_unknown_keys();
    return out;
}

} // namespace moesaic::parallel
