#include "engine/traffic.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "engine/double_tree.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>
#include <functional>

namespace moesaic::engine {

using hardware::Tier;
using hardware::Topology;
using parallel::Collective;
using parallel::RankClass;
using parallel::RankSet;
using timing::Algorithm;
using timing::CollectiveKind;

namespace {

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

/// To the peers inside, and to the rank of the own place in each other node.
/// @param inside of what a rank sends, for all ranks of its node
/// @param across of it, for a node with so many ranks: more where there are more
std::vector<Traffic> traffic_by_place(GroupLayout const& layout, Topology const& topology, double inside,
                                      std::function<double(double ranks)> const& across) {
    auto const& nodes = layout.nodes();
    std::vector<Traffic> all;
    for (auto const& own : nodes) {
        auto const ranks = static_cast<double>(own.size());
        for (std::size_t place = 0; place < own.size(); ++place) {
            Traffic traffic{own[place], {}, {}};
            traffic.bytes[static_cast<int>(Tier::node)] = inside * (ranks - 1.0) / ranks;
            for (auto const& other : nodes) {
                if (&other != &own) {
                    auto const tier = topology.tier(traffic.rank, other[place % other.size()]);
                    traffic.bytes[static_cast<int>(tier)] += across(static_cast<double>(other.size()));
                }
            }
            traffic.bound = traffic.bytes;
            all.push_back(traffic);
        }
    }
    return all;
}

std::vector<Traffic> by_place_traffic(GroupLayout const& layout, Topology const& topology) {
    auto const n = static_cast<double>(layout.group().count);
    return traffic_by_place(layout, topology, 1.0, [n](double ranks) { return ranks / n; });
}

/// In tokens: how many copies of the rank's own pass each tier, one way.
std::vector<Traffic> once_per_node_traffic(model::TokenSpread const& spread, GroupLayout const& layout,
                                           Topology const& topology) {
    auto const n = static_cast<double>(layout.group().count);
    auto const nodes_reached = model::nodes_per_token(spread, static_cast<double>(layout.nodes().size()));
    return traffic_by_place(layout, topology, model::distinct_holders(spread, n),
                            [=](double ranks) { return std::min(1.0, nodes_reached * ranks / n); });
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

double passes_of(CollectiveKind kind) { return kind == CollectiveKind::all_reduce ? 2.0 : 1.0; }

Bytes sent_bytes(Collective const& collective) {
    auto const whole = collective.bytes;
    auto const kind = collective.kind;
    return std::visit(
        overloaded{[&](RingLike) {
                       return whole *
                              timing::rank_bytes_per_byte(kind, static_cast<int>(collective.group.count));
                   },
                   [&](OncePerNode const& p) { return whole / static_cast<double>(p.spread.topk); },
                   [&](auto const&) { return whole * passes_of(kind); }},
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
