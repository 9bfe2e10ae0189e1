#include "engine/rank_set.hpp"

#include "base/errors.hpp"

#include <algorithm>

namespace moesaic::engine {

using parallel::RankSet;

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

} // namespace

ChipIndex member(RankSet const& set, std::int64_t i) { return ChipIndex{set.first.index() + i * set.stride}; }

bool holds(RankSet const& set, ChipIndex rank) {
    auto const offset = rank.index() - set.first.index();
    return offset >= 0 && offset % set.stride == 0 && offset / set.stride < set.count;
}

std::size_t place_in(RankSet const& set, ChipIndex rank) {
    return static_cast<std::size_t>((rank.index() - set.first.index()) / set.stride);
}

RankSet group_of(ChipIndex rank, RankSet const& given, RankSet const& members) {
    auto group = given;
    if (group.stride < 0) {
        group = {member(given, given.count - 1), -given.stride, given.count};
    }
    // Ranks run through coordinates, the group's one with its stride: (rank - origin) / stride mod count.
    auto const steps = floor_div(group.first.index() - members.first.index(), group.stride);
    auto const origin = members.first.index() + steps * group.stride;
    auto const block = group.stride * group.count;
    auto const within = rank.index() - origin;
    auto const lane = within - floor_div(within, group.stride) * group.stride;
    return {ChipIndex{origin + floor_div(within, block) * block + lane}, group.stride, group.count};
}

RankSet group_of(ChipIndex rank, RankSet const& group, RankSet const& members,
                 hardware::Topology const& topology) {
    auto const own = group_of(rank, group, members);
    if (own.first.index() >= 0 && member(own, own.count - 1).index() < topology.chips()) {
        return own;
    }
    expects(group.count == 2, "a group of more than two ranks lies on the topology");
    auto const partner = holds(members, group.first) ? member(group, 1) : group.first;
    auto const low = std::min(rank, partner);
    return {low, std::max(rank, partner).index() - low.index(), 2};
}

std::vector<std::vector<ChipIndex>> by_node(RankSet const& group, hardware::Topology const& topology) {
    std::vector<std::vector<ChipIndex>> nodes;
    for (std::int64_t i = 0; i < group.count; ++i) {
        auto const rank = member(group, i);
        if (nodes.empty() || topology.tier(nodes.back().front(), rank) > hardware::Tier::node) {
            nodes.emplace_back();
        }
        nodes.back().push_back(rank);
    }
    return nodes;
}

} // namespace moesaic::engine
