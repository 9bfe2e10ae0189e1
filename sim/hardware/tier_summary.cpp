#include "hardware/tier_summary.hpp"

#include <algorithm>
#include <map>

namespace moesaic::hardware {

namespace {

TierSummary summarize(Topology const& topology, ChipIndex from, ChipIndex to) {
    TierSummary out{
        .tier = topology.tier(from, to), .from = from, .to = to, .latency = topology.latency(from, to)};
    bool first = true;
    for (auto const id : topology.route(from, to)) {
        auto const& link = topology.link(id);
        auto const bandwidth = link.bandwidth;
        auto const& node = topology.pool(topology.pool_of(from)).cluster.node;
        auto const share = link.direction == Direction::pair
                               ? node.scale_up.bandwidth.value
                               : bandwidth / static_cast<double>(topology.chips_behind(id).size());
        out.alone = first ? bandwidth : std::min(out.alone, bandwidth);
        out.all_at_once = first ? share : std::min(out.all_at_once, share);
        first = false;
    }
    return out;
}

} // namespace

std::vector<TierSummary> summarize_tiers(Topology const& topology, PoolId pool) {
    auto const first = topology.first_chip(pool);
    std::map<Tier, TierSummary> found;
    constexpr std::size_t tiers_of_a_pool = 4; // node, leaf, spine, core
    for (int i = 1; i < topology.pool(pool).chips && found.size() < tiers_of_a_pool; ++i) {
        ChipIndex const other{first.index() + i};
        auto const tier = topology.tier(first, other);
        if (!found.contains(tier)) {
            found.emplace(tier, summarize(topology, first, other));
        }
    }
    std::vector<TierSummary> out;
    for (auto const& [tier, summary] : found) {
        out.push_back(summary);
    }
    return out;
}

} // namespace moesaic::hardware
