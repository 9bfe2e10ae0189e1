#include "engine/traffic.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"

#include <algorithm>

namespace moesaic::engine {

using hardware::Tier;
using hardware::Topology;
using parallel::Collective;
using parallel::RankClass;
using parallel::RankSet;
using timing::CollectiveKind;

Ring::Ring(RankSet const& group, Topology const& topology) : nodes{by_node(group, topology)} {
    channels = nodes.front().size();
    for (auto const& node : nodes) {
        channels = std::min(channels, node.size());
    }
}

Tier Ring::farthest_hop(Topology const& topology) const {
    auto farthest = Tier::node;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
        farthest = std::max(farthest, topology.tier(nodes[node].front(), partner(node + 1, 0)));
    }
    return farthest;
}

namespace {

/// Bytes per hop of a ring or chain, in units of the collective's own.
double ring_factor(CollectiveKind kind, std::int64_t n) {
    auto const once = static_cast<double>(n - 1) / static_cast<double>(n);
    switch (kind) {
    case CollectiveKind::all_reduce:
        return 2.0 * once;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
        return once;
    case CollectiveKind::broadcast:
    case CollectiveKind::send_recv:
        return 1.0;
    case CollectiveKind::all_to_all:
        break;
    }
    throw BugError{"an all-to-all is no ring"};
}

/// Shares per tier of every rank of one group.
std::vector<Traffic> ring_traffic(RankSet const& group, Topology const& topology) {
    Ring const ring{group, topology};
    auto const crossing = ring.nodes.size() == 1 ? 0.0 : 1.0 / static_cast<double>(ring.channels);
    auto const farthest = ring.farthest_hop(topology);
    std::vector<Traffic> all;
    for (std::size_t node = 0; node < ring.nodes.size(); ++node) {
        auto const ranks = static_cast<double>(ring.nodes[node].size());
        auto const inside = ring.nodes.size() == 1 ? 1.0 : (ranks - 1.0) / ranks;
        for (std::size_t place = 0; place < ring.nodes[node].size(); ++place) {
            Traffic traffic{ring.nodes[node][place], {}, {}};
            auto const tier = topology.tier(traffic.rank, ring.partner(node + 1, place));
            traffic.bytes[static_cast<int>(Tier::node)] = inside;
            traffic.bound = traffic.bytes;
            if (crossing > 0.0) {
                traffic.bytes[static_cast<int>(tier)] += crossing;
                traffic.bound[static_cast<int>(farthest)] += crossing;
            }
            all.push_back(traffic);
        }
    }
    return all;
}

std::vector<Traffic> direct_traffic(RankSet const& group, Topology const& topology) {
    std::vector<Traffic> all;
    for (std::int64_t i = 0; i < group.count; ++i) {
        PerTier peers{};
        for (std::int64_t j = 0; j < group.count; ++j) {
            if (j != i) {
                peers[static_cast<int>(topology.tier(member(group, i), member(group, j)))] += 1.0;
            }
        }
        Traffic traffic{member(group, i), {}, {}};
        auto const n = static_cast<double>(group.count);
        std::ranges::transform(peers, traffic.bytes.begin(), [n](double p) { return p / n; });
        traffic.bound = traffic.bytes;
        all.push_back(traffic);
    }
    return all;
}

/// In tokens: how many copies of the rank's own pass each tier, one way.
std::vector<Traffic> once_per_node_traffic(model::TokenSpread const& spread, RankSet const& group,
                                           Topology const& topology) {
    auto const nodes = by_node(group, topology);
    auto const n = static_cast<double>(group.count);
    auto const ranks_reached = model::distinct_holders(spread, n);
    auto const nodes_reached = model::nodes_per_token(spread, static_cast<double>(nodes.size()));
    std::vector<Traffic> all;
    for (auto const& own : nodes) {
        auto const inside = static_cast<double>(own.size());
        for (std::size_t place = 0; place < own.size(); ++place) {
            Traffic traffic{own[place], {}, {}};
            traffic.bytes[static_cast<int>(Tier::node)] = ranks_reached * (inside - 1.0) / inside;
            for (auto const& other : nodes) {
                if (&other != &own) { // nodes with more of the ranks hold more of the experts
                    auto const tier = topology.tier(traffic.rank, other[place % other.size()]);
                    traffic.bytes[static_cast<int>(tier)] +=
                        std::min(1.0, nodes_reached * static_cast<double>(other.size()) / n);
                }
            }
            traffic.bound = traffic.bytes;
            all.push_back(traffic);
        }
    }
    return all;
}

std::vector<Traffic> group_traffic(Pattern const& pattern, RankSet const& group, Topology const& topology) {
    return std::visit(
        overloaded{[&](Direct) { return direct_traffic(group, topology); },
                   [&](RingLike) { return ring_traffic(group, topology); },
                   [&](OncePerNode const& p) { return once_per_node_traffic(p.spread, group, topology); }},
        pattern);
}

} // namespace

Pattern pattern_of(Collective const& collective) {
    if (collective.kind != CollectiveKind::all_to_all) {
        return RingLike{};
    }
    return collective.once_per_node ? Pattern{OncePerNode{*collective.once_per_node}} : Pattern{Direct{}};
}

Bytes sent_bytes(Collective const& collective) {
    auto const whole = collective.bytes;
    return std::visit(
        overloaded{[&](Direct) { return whole; },
                   [&](RingLike) { return whole * ring_factor(collective.kind, collective.group.count); },
                   [&](OncePerNode const& p) { return whole / static_cast<double>(p.spread.topk); }},
        pattern_of(collective));
}

ClassTraffic::ClassTraffic(Pattern const& pattern, RankSet const& group, RankClass const& rank_class,
                           Topology const& topology)
    : members_{rank_class.members}, known_(static_cast<std::size_t>(rank_class.members.count), false),
      traffic_(known_.size()) {
    for (std::int64_t i = 0; i < members_.count; ++i) {
        if (!known_[i]) {
            add(group_traffic(pattern, group_of(member(members_, i), group, members_, topology), topology));
        }
    }
}

void ClassTraffic::add(std::vector<Traffic> const& of_group) {
    for (auto const& traffic : of_group) {
        if (holds(members_, traffic.rank)) {
            traffic_[place_in(members_, traffic.rank)] = traffic;
            known_[place_in(members_, traffic.rank)] = true;
        }
    }
}

ClassTraffic const& TrafficCache::of(Collective const& collective, int rank_class) {
    auto const& group = collective.group;
    auto const pattern = pattern_of(collective);
    Key const key{rank_class, pattern, group.first.index(), group.stride, group.count};
    auto at = known_.find(key);
    if (at == known_.end()) {
        ClassTraffic traffic{pattern, group, program_.classes[rank_class], topology_};
        at = known_.emplace(key, std::move(traffic)).first;
    }
    return at->second;
}

} // namespace moesaic::engine
