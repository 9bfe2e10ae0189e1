#include "engine/bundles.hpp"

#include <algorithm>

namespace moesaic::engine {

using hardware::Direction;
using hardware::Tier;
using hardware::Topology;

namespace {

/// The way out to a peer and the way in from it; pair links only outward, both ways being alike.
struct Way {
    std::vector<LinkId> shared;
    std::vector<LinkId> pairs;
    std::vector<std::pair<LinkId, double>> hops; ///< of a torus
};

Way way_out(ChipIndex rank, ChipIndex peer, Topology const& topology) {
    Way way{.hops = topology.own_hops(rank, peer)};
    for (auto const link : topology.route(rank, peer)) {
        auto const direction = topology.link(link).direction;
        if (direction == Direction::outward) {
            way.shared.push_back(link);
        } else if (direction == Direction::pair) {
            way.pairs.push_back(link);
        }
    }
    return way;
}

std::vector<LinkId> way_in(ChipIndex peer, ChipIndex rank, Topology const& topology) {
    auto links = topology.route(peer, rank);
    std::erase_if(links, [&](LinkId link) { return topology.link(link).direction != Direction::inward; });
    return links;
}

Way way_between(ChipIndex rank, ChipIndex peer, Topology const& topology) {
    auto way = way_out(rank, peer, topology);
    std::ranges::copy(way_in(peer, rank, topology), std::back_inserter(way.shared));
    return way;
}

void add_peers(Bundles& bundles, Tier tier, GroupLayout::FarLeaf const& peers, Way way) {
    auto& bundle = bundles[{tier, std::move(way.shared)}];
    bundle.tier = tier;
    auto hops = 0.0;
    for (auto const& [link, along] : way.hops) {
        bundle.hops[link] += along * static_cast<double>(peers.peers);
        hops += along;
    }
    if (bundle.peers == 0 || hops > bundle.most_hops) {
        bundle.one_peer = peers.example;
        bundle.most_hops = hops;
    }
    bundle.peers += peers.peers;
    for (auto const link : way.pairs) {
        bundle.pair_peers[link] += peers.peers;
    }
}

void add_peer(Bundles& bundles, ChipIndex rank, ChipIndex peer, Topology const& topology) {
    add_peers(bundles, topology.tier(rank, peer), {peer, 1, 0}, way_between(rank, peer, topology));
}

void add_node(Bundles& bundles, GroupLayout const& layout, ChipIndex rank, Topology const& topology) {
    for (auto const peer : layout.node_of(rank)) {
        if (peer != rank) {
            add_peer(bundles, rank, peer, topology);
        }
    }
}

/// A partner in another node as far away as the ring's farthest hop.
ChipIndex farthest_partner(GroupLayout const& layout, ChipIndex rank, Topology const& topology) {
    auto const at = layout.place_of(rank);
    for (std::size_t ahead = 1; ahead < layout.nodes().size(); ++ahead) {
        auto const partner = layout.partner(at.node + ahead, at.place);
        if (topology.tier(rank, partner) == layout.farthest_hop()) {
            return partner;
        }
    }
    return layout.partner(at.node + 1, at.place);
}

} // namespace

Bundles direct_bundles(GroupLayout const& layout, ChipIndex rank, Topology const& topology) {
    Bundles bundles;
    add_node(bundles, layout, rank, topology);
    for (auto const& far : layout.far_leaves(rank)) {
        add_peers(bundles, topology.tier(rank, far.example), far, way_between(rank, far.example, topology));
    }
    return bundles;
}

Bundles outward_bundles(ChipIndex rank, std::span<ChipIndex const> peers, Topology const& topology) {
    Bundles bundles;
    for (auto const peer : peers) {
        if (peer != rank) {
            add_peers(bundles, topology.tier(rank, peer), {peer, 1, 0}, way_out(rank, peer, topology));
        }
    }
    return bundles;
}

Bundles by_place_bundles(GroupLayout const& layout, ChipIndex rank, Topology const& topology) {
    Bundles bundles;
    add_node(bundles, layout, rank, topology);
    auto const at = layout.place_of(rank);
    for (std::size_t node = 0; node < layout.nodes().size(); ++node) {
        if (node != at.node) {
            auto const& ranks = layout.nodes()[node];
            add_peer(bundles, rank, ranks[at.place % ranks.size()], topology);
        }
    }
    return bundles;
}

Bundles tree_bundles(GroupLayout const& layout, ChipIndex rank, Tree const& tree, Topology const& topology) {
    Bundles bundles;
    add_node(bundles, layout, rank, topology);
    auto const at = layout.place_of(rank);
    auto const trees = double_tree(static_cast<int>(layout.nodes().size()));
    for (auto const neighbour : receivers_of(trees[at.node], tree)) {
        add_peer(bundles, rank, layout.partner(neighbour, at.place), topology);
    }
    return bundles;
}

Bundles ring_bundles(GroupLayout const& layout, ChipIndex rank, bool lone, Topology const& topology) {
    Bundles bundles;
    add_node(bundles, layout, rank, topology);
    auto const nodes = layout.nodes().size();
    if (nodes == 1) {
        return bundles;
    }
    if (!lone) {
        add_peer(bundles, rank, farthest_partner(layout, rank, topology), topology);
        return bundles;
    }
    auto const at = layout.place_of(rank);
    auto const next = layout.partner(at.node + 1, at.place);
    auto const before = layout.partner(at.node + nodes - 1, at.place);
    auto way = way_out(rank, next, topology);
    std::ranges::copy(way_in(before, rank, topology), std::back_inserter(way.shared));
    add_peers(bundles, layout.farthest_hop(), {next, 1, 0}, std::move(way));
    return bundles;
}

} // namespace moesaic::engine
