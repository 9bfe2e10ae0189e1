#include "engine/lowering.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"

#include <algorithm>
#include <map>

namespace moesaic::engine {

using hardware::Direction;
using hardware::Tier;
using hardware::Topology;
using parallel::Collective;
using parallel::RankClass;
using parallel::RankSet;
using timing::CollectiveKind;

namespace {

/// How often a byte crosses the farthest links before the last rank has it: their latency counts as often.
double far_crossings(CollectiveKind kind, std::int64_t boundaries) {
    auto const around = static_cast<double>(std::max<std::int64_t>(1, boundaries));
    switch (kind) {
    case CollectiveKind::all_reduce:
        return 2.0 * around;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
        return around;
    case CollectiveKind::broadcast:
        return std::max(1.0, around - 1.0);
    case CollectiveKind::all_to_all:
    case CollectiveKind::send_recv:
        return 1.0;
    }
    return 1.0;
}

/// The way out to a peer and the way in from it; pair links only outward, both ways being alike.
struct Way {
    std::vector<LinkId> shared;
    std::vector<LinkId> pairs;
};

Way way_out(ChipIndex rank, ChipIndex peer, Topology const& topology) {
    Way way;
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

/// Peers in one tier that are reached over the same shared links.
struct Bundle {
    Tier tier;
    std::int64_t peers = 0;
    ChipIndex one_peer;
    std::map<LinkId, std::int64_t> pair_peers; ///< how many peers a pair link leads to
};
using Bundles = std::map<std::pair<Tier, std::vector<LinkId>>, Bundle>;

void add_peer(Bundles& bundles, Tier tier, ChipIndex peer, Way way) {
    auto& bundle = bundles[{tier, std::move(way.shared)}];
    bundle.tier = tier;
    bundle.one_peer = peer;
    ++bundle.peers;
    for (auto const link : way.pairs) {
        ++bundle.pair_peers[link];
    }
}

void add_peer(Bundles& bundles, ChipIndex rank, ChipIndex peer, Topology const& topology) {
    add_peer(bundles, topology.tier(rank, peer), peer, way_between(rank, peer, topology));
}

Bundles direct_bundles(RankSet const& group, ChipIndex rank, Topology const& topology) {
    Bundles bundles;
    for (std::int64_t i = 0; i < group.count; ++i) {
        if (member(group, i) != rank) {
            add_peer(bundles, rank, member(group, i), topology);
        }
    }
    return bundles;
}

/// The peers in the own node, and in each other node the rank of the same place.
Bundles once_per_node_bundles(RankSet const& group, ChipIndex rank, Topology const& topology) {
    Bundles bundles;
    auto const nodes = by_node(group, topology);
    auto const own = std::ranges::find_if(
        nodes, [&](auto const& node) { return std::ranges::find(node, rank) != node.end(); });
    expects(own != nodes.end(), "the rank belongs to its group");
    auto const place = static_cast<std::size_t>(std::ranges::find(*own, rank) - own->begin());
    for (auto const& node : nodes) {
        if (&node != &*own) {
            add_peer(bundles, rank, node[place % node.size()], topology);
        }
    }
    for (auto const peer : *own) {
        if (peer != rank) {
            add_peer(bundles, rank, peer, topology);
        }
    }
    return bundles;
}

struct PlaceInRing {
    std::size_t node = 0;
    std::size_t place = 0;
};

PlaceInRing find_in(Ring const& ring, ChipIndex rank) {
    for (std::size_t node = 0; node < ring.nodes.size(); ++node) {
        auto const at = std::ranges::find(ring.nodes[node], rank);
        if (at != ring.nodes[node].end()) {
            return {node, static_cast<std::size_t>(at - ring.nodes[node].begin())};
        }
    }
    throw BugError{"the rank belongs to the ring"};
}

/// A partner in another node as far away as the ring's farthest hop.
ChipIndex farthest_partner(Ring const& ring, PlaceInRing at, Tier farthest, Topology const& topology) {
    auto const rank = ring.nodes[at.node][at.place];
    for (std::size_t ahead = 1; ahead < ring.nodes.size(); ++ahead) {
        auto const partner = ring.partner(at.node + ahead, at.place);
        if (topology.tier(rank, partner) == farthest) {
            return partner;
        }
    }
    return ring.partner(at.node + 1, at.place);
}

/// Inside the node a ring may go to any of the group (all pair links of a mesh carry channels). Across nodes a
/// lone rank goes to the next one and hears from the one before; else the rank stands for the farthest hop.
Bundles ring_bundles(RankSet const& group, ChipIndex rank, bool lone, Topology const& topology) {
    Ring const ring{group, topology};
    auto const at = find_in(ring, rank);
    Bundles bundles;
    for (auto const peer : ring.nodes[at.node]) {
        if (peer != rank) {
            add_peer(bundles, rank, peer, topology);
        }
    }
    if (ring.nodes.size() == 1) {
        return bundles;
    }
    auto const farthest = ring.farthest_hop(topology);
    if (!lone) {
        add_peer(bundles, rank, farthest_partner(ring, at, farthest, topology), topology);
        return bundles;
    }
    auto const next = ring.partner(at.node + 1, at.place);
    auto const before = ring.partner(at.node + ring.nodes.size() - 1, at.place);
    auto way = way_out(rank, next, topology);
    std::ranges::copy(way_in(before, rank, topology), std::back_inserter(way.shared));
    add_peer(bundles, farthest, next, std::move(way));
    return bundles;
}

std::int64_t tier_boundaries(RankSet const& group, Tier tier, Topology const& topology) {
    auto const nodes = by_node(group, topology);
    std::int64_t crossings = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        crossings += topology.tier(nodes[i].front(), nodes[(i + 1) % nodes.size()].front()) >= tier ? 1 : 0;
    }
    return crossings;
}

/// Pair links: common to all peers of the bundle, or side by side.
void add_pair_links(ClassFlow& flow, Bundle const& bundle, Topology const& topology) {
    auto slowest = BytesPerSecond{0.0};
    for (auto const& [link, peers] : bundle.pair_peers) {
        if (peers == bundle.peers) {
            flow.uses.push_back({link, 1.0});
            continue;
        }
        auto const per_peer = topology.link(link).bandwidth / static_cast<double>(peers);
        slowest = flow.parallel.empty() ? per_peer : std::min(slowest, per_peer);
        flow.parallel.push_back(link);
    }
    flow.parallel_bandwidth = slowest * static_cast<double>(bundle.peers);
}

Seconds beyond_leaf(ChipIndex rank, ChipIndex peer, Tier tier, Topology const& topology) {
    if (tier <= Tier::leaf) {
        return Seconds{0.0};
    }
    auto const leaf = topology.pool(topology.pool_of(rank)).cluster.node.nic_latency.value;
    return std::max(Seconds{0.0}, topology.latency(rank, peer) - leaf);
}

bool farther(PerTier const& a, PerTier const& b) {
    return std::lexicographical_compare(b.rbegin(), b.rend(), a.rbegin(), a.rend());
}

ChipIndex bounding_rank(ClassTraffic const& traffic, Alike const& alike) {
    auto best = alike.representative;
    for (auto const rank : alike.ranks) {
        if (farther(traffic.of(rank).bound, traffic.of(best).bound)) {
            best = rank;
        }
    }
    return best;
}

/// Bytes that those alike send over the link, in units of the rank's own.
double times_of(LinkId link, Tier tier, ChipIndex rank, ClassTraffic const& traffic, Alike const& alike,
                Topology const& topology) {
    if (alike.ranks.size() == 1) {
        return 1.0;
    }
    auto const t = static_cast<int>(tier);
    double sum = 0.0;
    for (auto const chip : topology.chips_behind(link)) {
        if (std::ranges::binary_search(alike.ranks, chip)) {
            sum += traffic.of(chip).bytes[t];
        }
    }
    return std::max(1.0, sum / traffic.of(rank).bound[t]);
}

/// Peers per tier, over all bundles.
PerTier peers_of(Bundles const& bundles) {
    PerTier peers{};
    for (auto const& [key, bundle] : bundles) {
        peers[static_cast<int>(bundle.tier)] += static_cast<double>(bundle.peers);
    }
    return peers;
}

std::vector<ChipIndex> all_of(RankSet const& members) {
    std::vector<ChipIndex> all;
    for (std::int64_t i = 0; i < members.count; ++i) {
        all.push_back(member(members, i));
    }
    return all;
}

} // namespace

ClassFlows lower(Collective const& collective, RankClass const& rank_class, ClassTraffic const& traffic,
                 Alike const& alike, Topology const& topology) {
    ClassFlows lowered{{}, bounding_rank(traffic, alike), collective.group.count, 1, 1};
    auto const group = group_of(lowered.rank, collective.group, rank_class.members, topology);
    expects(holds(group, lowered.rank), "the rank belongs to its group: " + rank_class.name);
    auto const nodes = by_node(group, topology);
    lowered.nodes = static_cast<std::int64_t>(nodes.size());
    for (auto const& node : nodes) {
        if (std::ranges::find(node, lowered.rank) != node.end()) {
            lowered.ranks_in_node = static_cast<std::int64_t>(node.size());
        }
    }
    auto const direct = collective.kind == CollectiveKind::all_to_all;
    auto const bundles = std::visit(
        overloaded{
            [&](Direct) { return direct_bundles(group, lowered.rank, topology); },
            [&](RingLike) { return ring_bundles(group, lowered.rank, alike.ranks.size() == 1, topology); },
            [&](OncePerNode const&) { return once_per_node_bundles(group, lowered.rank, topology); }},
        pattern_of(collective));
    auto const peers = peers_of(bundles);
    auto const sent = sent_bytes(collective);
    for (auto const& [key, bundle] : bundles) {
        auto const t = static_cast<int>(bundle.tier);
        auto const share = static_cast<double>(bundle.peers) / peers[t];
        ClassFlow flow{.tier = bundle.tier, .bytes = sent * (traffic.of(lowered.rank).bound[t] * share)};
        if (flow.bytes.value() <= 0.0) {
            continue;
        }
        for (auto const link : key.second) {
            flow.uses.push_back({link, times_of(link, bundle.tier, lowered.rank, traffic, alike, topology)});
        }
        add_pair_links(flow, bundle, topology);
        // A ring talks to one neighbour at a time, unless it has a link to each.
        flow.weight = direct || !flow.parallel.empty() ? static_cast<double>(bundle.peers) : 1.0;
        auto const crossings = far_crossings(collective.kind, tier_boundaries(group, bundle.tier, topology));
        flow.far_latency = beyond_leaf(lowered.rank, bundle.one_peer, bundle.tier, topology) * crossings;
        lowered.flows.push_back(std::move(flow));
    }
    return lowered;
}

ClassFlows lower(Collective const& collective, RankClass const& rank_class, Topology const& topology) {
    expects(holds(rank_class.members, rank_class.representative),
            "the representative belongs to its class: " + rank_class.name);
    if (collective.group.count == 1 || collective.bytes.value() <= 0.0) {
        return {{}, rank_class.representative, collective.group.count, 1, 1};
    }
    auto const ranks = all_of(rank_class.members);
    return lower(collective, rank_class,
                 ClassTraffic{pattern_of(collective), collective.group, rank_class, topology},
                 {rank_class.representative, ranks}, topology);
}

ClassFlow lower(Bytes bytes, MessageEnds const& ends, Topology const& topology) {
    auto const source = ends.from.representative;
    auto const destination = ends.to.representative;
    ClassFlow flow{.tier = topology.tier(source, destination), .bytes = bytes};
    for (auto const link : topology.route(source, destination)) {
        auto const direction = topology.link(link).direction;
        double times = 1.0;
        if (direction != Direction::pair) {
            auto const outward = direction == Direction::outward;
            auto const& side = outward ? ends.from.ranks : ends.to.ranks;
            auto const behind = std::ranges::count_if(topology.chips_behind(link), [&](ChipIndex chip) {
                return std::ranges::binary_search(side, chip);
            });
            times = static_cast<double>(behind) * (outward ? 1.0 : ends.senders_per_receiver);
        }
        flow.uses.push_back({link, times > 0.0 ? times : 1.0});
    }
    flow.far_latency = beyond_leaf(source, destination, flow.tier, topology);
    return flow;
}

} // namespace moesaic::engine
