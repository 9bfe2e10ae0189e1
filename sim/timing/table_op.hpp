#pragma once
#include "model/operation.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace moesaic::timing {

/// Kinds of operation that need their own arithmetic.
enum class Family {
    product,   ///< gemm, bmm, grouped_gemm
    moe_ffn,   ///< fused expert FFN
    attention, ///< attn, mla
    linear, ///< linear attention with a decay or the delta rule: m = positions, k = key head size, batch = sequences
    memory_bound, ///< norms, element-wise, embedding, …
    collective,   ///< m = bytes, batch = ranks
    exchange,     ///< ep_dispatch, ep_combine: m = tokens per rank, n = hidden, k = top-k, batch = ranks
    whole_model   ///< train_step and such: for checking a simulator, never looked up
};

/// An operation as the column `op` of the timing tables names it.
struct TableOp {
    std::string_view name;
    Family family;
    std::optional<model::OpKind> kind; ///< none where the model room has no such operation
    model::Pass pass = model::Pass::forward;
    /// Of a memory-bound operation without a kind: arrays of m x n read or written.
    int streams = 0;
};

using TableOpId = int;
[[nodiscard]] std::span<TableOp const> table_ops();
/// none where no table uses this name
[[nodiscard]] std::optional<TableOpId> find_table_op(std::string_view name);
[[nodiscard]] TableOp const& table_op(TableOpId id);
/// The name under which tables list a kind and pass (forward or backward); none where no table has it.
[[nodiscard]] std::optional<TableOpId> table_op_of(model::OpKind kind, model::Pass pass);

} // namespace moesaic::timing
