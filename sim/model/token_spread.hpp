#pragma once
#include "model/model.hpp"

namespace moesaic::model {

/// Over how many holders of experts a token goes, for routers without preference. A holder (rank, node) has the same
/// number of experts as every other.

/// Expected different holders of a token's experts, k different ones of E chosen evenly:
/// h (1 - C(E - E/h, k) / C(E, k)), where E/h need not be whole.
[[nodiscard]] double distinct_holders(Moe const& moe, double holders);

/// Expected nodes that a token is sent to, its own included. Where the router first chooses groups of experts
/// (node-limited routing: DeepSeek-V3, arXiv 2412.19437, section 2.1.2), no more than hold the chosen groups: the
/// least of both, since a group is chosen for its best experts, which so are nearly always among the k (drawing
/// random scores gives 3.96 of at most 4 nodes for DeepSeek-V3).
[[nodiscard]] double nodes_per_token(Moe const& moe, double nodes);

} // namespace moesaic::model
