#include "model/token_spread.hpp"

#include <algorithm>

namespace moesaic::model {

namespace {

/// Expected holders with at least one of k chosen among `all`: the product is C(all - held, k) / C(all, k).
double distinct(double all, int chosen, double holders) {
    double const held = all / holders;
    double none = 1.0;
    for (int i = 0; i < chosen; ++i) {
        none *= std::max(0.0, (all - held - i) / (all - i));
    }
    return holders * (1.0 - none);
}

/// Expected nodes that hold a token's groups.
double most_nodes(TokenSpread const& spread, double nodes) {
    double const groups = spread.groups;
    return nodes >= groups ? spread.groups_per_token * nodes / groups
                           : distinct(groups, spread.groups_per_token, nodes);
}

} // namespace

TokenSpread spread_of(Moe const& moe) { return {moe.experts, moe.topk, moe.groups, moe.groups_per_token}; }

double distinct_holders(TokenSpread const& spread, double holders) {
    return distinct(spread.experts, spread.topk, holders);
}

double nodes_per_token(TokenSpread const& spread, double nodes) {
    return std::min(distinct_holders(spread, nodes), most_nodes(spread, nodes));
}

} // namespace moesaic::model
