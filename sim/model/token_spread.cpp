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
double most_nodes(Moe const& moe, double nodes) {
    double const groups = moe.groups;
    return nodes >= groups ? moe.groups_per_token * nodes / groups
                           : distinct(groups, moe.groups_per_token, nodes);
}

} // namespace

double distinct_holders(Moe const& moe, double holders) { return distinct(moe.experts, moe.topk, holders); }

double nodes_per_token(Moe const& moe, double nodes) {
    return std::min(distinct_holders(moe, nodes), most_nodes(moe, nodes));
}

} // namespace moesaic::model
