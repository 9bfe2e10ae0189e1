#include "engine/lowering.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "engine/bundles.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesaic::engine {

using hardware::Direction;
using hardware::Tier;
using hardware::Topology;
using parallel::Collective;
using parallel::RankClass;
using parallel::RankSet;
using timing::CollectiveKind;

namespace {

double ring_crossings(CollectiveKind kind, std::int64_t boundaries) {
    auto const around = static_cast<double>(std::max<std::int64_t>(1, boundaries));
    switch (kind) {
    case CollectiveKind::all_reduce:
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
        return passes_of(kind) * around;
    case CollectiveKind::broadcast:
        return std::max(1.0, around - 1.0);
    case CollectiveKind::all_to_all:
    case CollectiveKind::send_recv:
        return 1.0;
    }
    return 1.0;
}

/// How often a byte crosses the farthest links before the last rank has it: their latency counts as often.
double far_crossings(Pattern const& pattern, CollectiveKind kind, std::int64_t boundaries) {
    auto const passes = passes_of(kind);
    auto const depth =
        1.0 + std::floor(std::log2(static_cast<double>(std::max<std::int64_t>(1, boundaries))));
    return std::visit(overloaded{[&](RingLike) { return ring_crossings(kind, boundaries); },
                                 [&](RingOfPlaces) { return ring_crossings(kind, boundaries); },
                                 [&](Tree) { return passes * depth; }, [&](auto const&) { return passes; }},
                      pattern);
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

/// What those alike send over links of the rank that stands for them.
class AlikeOnLinks {
  public:
    AlikeOnLinks(ChipIndex rank, Alike const& alike, ClassTraffic const& traffic, Topology const& topology)
        : rank_{rank}, alike_{alike}, traffic_{traffic}, topology_{topology} {}

    /// In units of the rank's own.
    /// @param ring whose rank stands for the farthest hop: its node sends as much, however near its own next hop is
    [[nodiscard]] double times_of(LinkId link, Tier tier, bool ring) const {
        if (alike_.ranks.size() == 1) {
            return 1.0;
        }
        auto const& behind = topology_.chips_behind(link);
        auto const whole_node =
            ring && tier > Tier::node && topology_.tier(behind.front(), behind.back()) <= Tier::node;
        double sum = 0.0;
        for (auto const chip : behind) {
            if (std::ranges::binary_search(alike_.ranks, chip)) {
                auto const& bytes = traffic_.of(chip).bytes;
                sum += whole_node
                           ? std::accumulate(bytes.begin() + static_cast<int>(Tier::leaf), bytes.end(), 0.0)
                           : bytes[static_cast<int>(tier)];
            }
        }
        return std::max(1.0, sum / traffic_.of(rank_).bound[static_cast<int>(tier)]);
    }

  private:
    ChipIndex rank_;
    Alike const& alike_;
    ClassTraffic const& traffic_;
    Topology const& topology_;
};

/// Peers per tier, over all bundles.
PerTier peers_of(Bundles const& bundles) {
    PerTier peers{};
    for (auto const& [key, bundle] : bundles) {
        peers[static_cast<int>(bundle.tier)] += static_cast<double>(bundle.peers);
    }
    return peers;
}

Bundles bundles_of(Pattern const& pattern, GroupLayout const& layout, ChipIndex rank, bool lone,
                   Topology const& topology) {
    auto const ring = [&] { return ring_bundles(layout, rank, lone, topology); };
    return std::visit(
        overloaded{[&](Direct) { return direct_bundles(layout, rank, topology); },
                   [&](RingLike) { return ring(); }, [&](RingOfPlaces) { return ring(); },
                   [&](Tree const& tree) { return tree_bundles(layout, rank, tree, topology); },
                   [&](ByPlace) { return by_place_bundles(layout, rank, topology); },
                   [&](OncePerNode const&) { return by_place_bundles(layout, rank, topology); }},
        pattern);
}

bool to_all_at_once(Pattern const& pattern) {
    return std::visit(overloaded{[](RingLike) { return false; }, [](RingOfPlaces) { return false; },
                                 [](Tree) { return false; }, [](auto const&) { return true; }},
                      pattern);
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
    auto const rank = lowered.rank;
    auto const& layout = traffic.layout_of(rank);
    expects(holds(layout.group(), rank), "the rank belongs to its group: " + rank_class.name);
    lowered.nodes = static_cast<std::int64_t>(layout.nodes().size());
    lowered.ranks_in_node = static_cast<std::int64_t>(layout.node_of(rank).size());
    auto const pattern = pattern_of(collective);
    auto const bundles = bundles_of(pattern, layout, rank, alike.ranks.size() == 1, topology);
    auto const peers = peers_of(bundles);
    auto const sent = sent_bytes(collective);
    AlikeOnLinks const together{rank, alike, traffic, topology};
    auto const ring =
        std::holds_alternative<RingLike>(pattern) || std::holds_alternative<RingOfPlaces>(pattern);
    for (auto const& [key, bundle] : bundles) {
        auto const t = static_cast<int>(bundle.tier);
        auto const share = static_cast<double>(bundle.peers) / peers[t];
        ClassFlow flow{.tier = bundle.tier, .bytes = sent * (traffic.of(rank).bound[t] * share)};
        if (flow.bytes.value() <= 0.0) {
            continue;
        }
        for (auto const link : key.second) {
            flow.uses.push_back({link, together.times_of(link, bundle.tier, ring)});
        }
        for (auto const& [link, hops] : bundle.hops) {
            flow.uses.push_back({link, hops / static_cast<double>(bundle.peers) *
                                           together.times_of(link, bundle.tier, ring)});
        }
        add_pair_links(flow, bundle, topology);
        // A ring talks to one neighbour at a time, unless it has a link to each.
        flow.weight =
            to_all_at_once(pattern) || !flow.parallel.empty() ? static_cast<double>(bundle.peers) : 1.0;
        auto const crossings = far_crossings(pattern, collective.kind, layout.hops(bundle.tier));
        flow.far_latency = beyond_leaf(rank, bundle.one_peer, bundle.tier, topology) * crossings;
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

namespace {

/// How often a link is used: by each of its chips that is among those alike.
LinkUse use_by(Alike const& side, LinkId link, double each, Topology const& topology) {
    auto const behind = std::ranges::count_if(topology.chips_behind(link), [&](ChipIndex chip) {
        return std::ranges::binary_search(side.ranks, chip);
    });
    auto const times = static_cast<double>(behind) * each;
    return {link, times > 0.0 ? times : 1.0};
}

} // namespace

ClassFlow lower(Bytes bytes, MessageEnds const& ends, Topology const& topology) {
    auto const source = ends.from.representative;
    auto const destination = ends.to.representative;
    ClassFlow flow{.tier = topology.tier(source, destination), .bytes = bytes};
    auto const use = [&](LinkId link, Alike const& side, double each) {
        flow.uses.push_back(use_by(side, link, each, topology));
    };
    auto const lone = ends.from.ranks.size() == 1;
    for (auto const link : topology.route(source, destination)) {
        switch (topology.link(link).direction) {
        case Direction::pair:
            flow.uses.push_back({link, 1.0});
            break;
        case Direction::outward:
            use(link, ends.from, 1.0);
            break;
        case Direction::inward:
            use(link, ends.to, ends.senders_per_receiver);
            break;
        case Direction::through:
            if (lone) {
                flow.uses.push_back({link, 1.0});
            }
            break;
        }
    }
    for (auto const& [link, hops] : topology.own_hops(source, destination)) {
        if (!lone) {
            use(link, ends.from, hops);
        }
    }
    flow.far_latency = beyond_leaf(source, destination, flow.tier, topology);
    return flow;
}

std::vector<ClassFlow> lower(Bytes bytes, MessageEnds const& ends, std::span<ChipIndex const> peers,
                             Topology const& topology) {
    auto const source = ends.from.representative;
    std::vector<ClassFlow> flows;
    for (auto const& [key, bundle] : outward_bundles(source, peers, topology)) {
        auto const part = static_cast<double>(bundle.peers) / static_cast<double>(peers.size());
        ClassFlow flow{
            .tier = bundle.tier, .bytes = bytes * part, .weight = static_cast<double>(bundle.peers)};
        for (auto const link : key.second) {
            flow.uses.push_back(use_by(ends.from, link, 1.0, topology));
        }
        for (auto const& [link, hops] : bundle.hops) {
            flow.uses.push_back(use_by(ends.from, link, hops / static_cast<double>(bundle.peers), topology));
        }
        for (auto const link : topology.route(source, bundle.one_peer)) {
            if (topology.link(link).direction == Direction::inward) {
                flow.uses.push_back(use_by(ends.to, link, ends.senders_per_receiver, topology));
            }
        }
        add_pair_links(flow, bundle, topology);
        flow.far_latency = beyond_leaf(source, bundle.one_peer, bundle.tier, topology);
        flows.push_back(std::move(flow));
    }
    return flows;
}

} // namespace moesaic::engine
