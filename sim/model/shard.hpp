#pragma once
#include <optional>
#include <string>

namespace moesaic::model {

struct Model;

/// How a layer is divided over the ranks of a stage.
struct Shard {
    int tensor = 1;                 ///< attention, dense and shared FFN, vocabulary
    int context = 1;                ///< ranks that share a sequence
    int expert = 1;                 ///< ranks that share the routed experts
    int expert_tensor = 1;          ///< ranks that share one expert
    bool sequence_parallel = false; ///< what is not split over tensor ranks is split by rows
    /// In attention, context ranks share the heads of whole sequences instead of the queries (DeepSpeed-Ulysses).
    bool context_by_heads = false;
};

enum class ShardDegree { tensor, context, expert, expert_tensor };
struct ShardProblem {
    ShardDegree degree; ///< that is wrong
    std::string text;   ///< for the user
};
/// Why the model cannot be divided so; none where it can. Experts on tensor ranks want sequence parallelism, as in
/// Megatron-Core (MoE README: "When using MoE with expert parallelism and tensor parallelism"): each of these ranks sends
/// its own part of the rows, and nothing would bring the others' parts back to it. Context ranks that share heads want
/// whole ones of queries and of keys and values, as in Transformer Engine ("The number of attention heads needs to be
/// divisible by CP size!").
/// @param local_experts that the rank holds, so that they need not divide evenly; 0 = experts / expert ranks
[[nodiscard]] std::optional<ShardProblem> problem_with(Model const& model, Shard const& shard,
                                                       int local_experts = 0);

} // namespace moesaic::model
