#pragma once
#include "model/model.hpp"

#include <compare>

namespace moesaic::model {

/// What decides over how many nodes and ranks the experts of a token spread.
struct TokenSpread {
    int experts = 1;
    int topk = 1;
    int groups = 1; ///< of experts, of which the router first chooses some
    int groups_per_token = 1;
    friend auto operator<=>(TokenSpread const&, TokenSpread const&) = default;
};
[[nodiscard]] TokenSpread spread_of(Moe const& moe);

// A holder (rank, node) has as many experts as every other, and the router has no preferences.

/// Expected different holders of a token's experts, k different ones of E chosen evenly:
/// h (1 - C(E - E/h, k) / C(E, k)), where E/h need not be whole.
[[nodiscard]] double distinct_holders(TokenSpread const& spread, double holders);

/// Expected nodes that a token is sent to, its own included. Where the router first chooses groups of experts
/// (node-limited routing: DeepSeek-V3, arXiv 2412.19437, section 2.1.2), no more than hold the chosen groups: the
/// least of both, since a group is chosen for its best experts, which so are nearly always among the k (drawing
/// random scores gives 3.96 of at most 4 nodes for DeepSeek-V3).
[[nodiscard]] double nodes_per_token(TokenSpread const& spread, double nodes);

} // namespace moesaic::model
