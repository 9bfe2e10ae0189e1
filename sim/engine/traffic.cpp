#include "engine/traffic.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "engine/double_tree.hpp"

#include <algorithm>

namespace moesaic::engine {

using hardware::Tier;
using hardware::Topology;
using parallel::Collective;
using parallel::RankClass;
using parallel::RankSet;
using timing::Algorithm;
using timing::CollectiveKind;

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

/// Scatter and gather are a pass each.
double passes(CollectiveKind kind) { return kind == CollectiveKind::all_reduce ? 2.0 : 1.0; }

/// Shares per tier of every rank of one group.
/// @param across of what a rank sends, that all channels of a node bring to the next one
std::vector<Traffic> ring_traffic(GroupLayout const& layout, double across, Topology const& topology) {
    auto const& nodes = layout.nodes();
    auto const crossing = nodes.size() == 1 ? 0.0 : across / static_cast<double>(layout.channels());
    std::vector<Traffic> all;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
        auto const ranks = static_cast<double>(nodes[node].size());
        auto const inside = nodes.size() == 1 ? 1.0 : (ranks - 1.0) / ranks;
        for (std::size_t place = 0; place < nodes[node].size(); ++place) {
            Traffic traffic{nodes[node][place], {}, {}};
            traffic.bytes[static_cast<int>(Tier::node)] = inside;
            traffic.bound = traffic.bytes;
            if (crossing > 0.0) {
                auto const tier = topology.tier(traffic.rank, layout.partner(node + 1, place));
                traffic.bytes[static_cast<int>(tier)] += crossing;
                traffic.bound[static_cast<int>(layout.farthest_hop())] += crossing;
            }
            all.push_back(traffic);
        }
    }
    return all;
}

std::vector<Traffic> tree_traffic(Tree const& tree, GroupLayout const& layout, Topology const& topology) {
    auto const& nodes = layout.nodes();
    auto const trees = double_tree(static_cast<int>(nodes.size()));
    auto const per_neighbour = (tree.both_ways ? 0.25 : 0.5) / static_cast<double>(layout.channels());
    std::vector<Traffic> all;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
        auto const ranks = static_cast<double>(nodes[node].size());
        for (std::size_t place = 0; place < nodes[node].size(); ++place) {
            Traffic traffic{nodes[node][place], {}, {}};
            traffic.bytes[static_cast<int>(Tier::node)] = (ranks - 1.0) / ranks;
            for (auto const neighbour : receivers_of(trees[node], tree)) {
                auto const tier = topology.tier(traffic.rank, layout.partner(neighbour, place));
                traffic.bytes[static_cast<int>(tier)] += per_neighbour;
            }
            traffic.bound = traffic.bytes;
            all.push_back(traffic);
        }
    }
    return all;
}

/// Tiers between the leaves of a group, each asked for once.
class LeafTiers {
  public:
    LeafTiers(GroupLayout const& layout, Topology const& topology)
        : layout_{layout}, topology_{topology}, known_(layout.leaves() * layout.leaves(), -1) {}
    int between(ChipIndex rank, GroupLayout::FarLeaf const& far) {
        auto& tier = known_[layout_.leaf_number(rank) * layout_.leaves() + far.number];
        if (tier < 0) {
            tier = static_cast<std::int8_t>(topology_.tier(rank, far.example));
        }
        return tier;
    }

  private:
    GroupLayout const& layout_;
    Topology const& topology_;
    std::vector<std::int8_t> known_;
};

std::vector<Traffic> direct_traffic(GroupLayout const& layout, Topology const& topology) {
    auto const n = static_cast<double>(layout.group().count);
    LeafTiers tiers_between{layout, topology};
    std::vector<Traffic> all;
    for (auto const& node : layout.nodes()) {
        for (auto const rank : node) {
            PerTier peers{};
            peers[static_cast<int>(Tier::node)] = static_cast<double>(node.size() - 1);
            for (auto const& far : layout.far_leaves(rank)) {
                peers[tiers_between.between(rank, far)] += static_cast<double>(far.peers);
            }
            Traffic traffic{rank, {}, {}};
            std::ranges::transform(peers, traffic.bytes.begin(), [n](double p) { return p / n; });
            traffic.bound = traffic.bytes;
            all.push_back(traffic);
        }
    }
    return all;
}

std::vector<Traffic> by_place_traffic(GroupLayout const& layout, Topology const& topology) {
    auto const& nodes = layout.nodes();
    std::vector<Traffic> all;
    for (auto const& own : nodes) {
        auto const inside = static_cast<double>(own.size());
        for (std::size_t place = 0; place < own.size(); ++place) {
            Traffic traffic{own[place], {}, {}};
            traffic.bytes[static_cast<int>(Tier::node)] = (inside - 1.0) / inside;
            for (auto const& other : nodes) {
                if (&other != &own) { // what is for nodes with more of the ranks is more
                    auto const tier = topology.tier(traffic.rank, other[place % other.size()]);
                    traffic.bytes[static_cast<int>(tier)] +=
                        static_cast<double>(other.size()) / static_cast<double>(layout.group().count);
                }
            }
            traffic.bound = traffic.bytes;
            all.push_back(traffic);
        }
    }
    return all;
}

/// In tokens: how many copies of the rank's own pass each tier, one way.
std::vector<Traffic> once_per_node_traffic(model::TokenSpread const& spread, GroupLayout const& layout,
                                           Topology const& topology) {
    auto const& nodes = layout.nodes();
    auto const n = static_cast<double>(layout.group().count);
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

std::vector<Traffic> group_traffic(Pattern const& pattern, GroupLayout const& layout,
                                   Topology const& topology) {
    auto const nodes = static_cast<double>(layout.nodes().size());
    return std::visit(
        overloaded{[&](Direct) { return direct_traffic(layout, topology); },
                   [&](RingLike) { return ring_traffic(layout, 1.0, topology); },
                   [&](Tree const& p) { return tree_traffic(p, layout, topology); },
                   [&](RingOfPlaces) { return ring_traffic(layout, (nodes - 1.0) / nodes, topology); },
                   [&](ByPlace) { return by_place_traffic(layout, topology); },
                   [&](OncePerNode const& p) { return once_per_node_traffic(p.spread, layout, topology); }},
        pattern);
}

Pattern exchange_pattern(Collective const& collective) {
    if (collective.once_per_node) {
        return OncePerNode{*collective.once_per_node};
    }
    return collective.algorithm == Algorithm::hierarchical ? Pattern{ByPlace{}} : Pattern{Direct{}};
}

} // namespace

Pattern pattern_of(Collective const& collective) {
    if (collective.kind == CollectiveKind::all_to_all) {
        return exchange_pattern(collective);
    }
    switch (collective.algorithm) {
    case Algorithm::tree:
        return Tree{collective.kind == CollectiveKind::all_reduce};
    case Algorithm::direct:
        return Direct{};
    case Algorithm::hierarchical:
        return RingOfPlaces{};
    case Algorithm::automatic:
    case Algorithm::ring:
        break;
    }
    return RingLike{};
}

std::vector<int> receivers_of(TreePlace const& place, Tree const& tree) {
    auto out = place.children;
    if (tree.both_ways) {
        out.insert(out.end(), place.parents.begin(), place.parents.end());
    }
    return out;
}

Bytes sent_bytes(Collective const& collective) {
    auto const whole = collective.bytes;
    auto const kind = collective.kind;
    return std::visit(
        overloaded{[&](RingLike) { return whole * ring_factor(kind, collective.group.count); },
                   [&](OncePerNode const& p) { return whole / static_cast<double>(p.spread.topk); },
                   [&](auto const&) { return whole * passes(kind); }},
        pattern_of(collective));
}

ClassTraffic::ClassTraffic(Pattern const& pattern, RankSet const& group, RankClass const& rank_class,
                           Topology const& topology)
    : members_{rank_class.members}, layout_(static_cast<std::size_t>(rank_class.members.count), -1),
      traffic_(layout_.size()) {
    for (std::int64_t i = 0; i < members_.count; ++i) {
        if (layout_[i] >= 0) {
            continue;
        }
        layouts_.emplace_back(group_of(member(members_, i), group, members_, topology), topology);
        for (auto const& traffic : group_traffic(pattern, layouts_.back(), topology)) {
            if (holds(members_, traffic.rank)) {
                layout_[place_in(members_, traffic.rank)] = static_cast<int>(layouts_.size()) - 1;
                traffic_[place_in(members_, traffic.rank)] = traffic;
            }
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
