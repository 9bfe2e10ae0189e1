#include "engine/lowering.hpp"

#include "base/errors.hpp"

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

ChipIndex member(RankSet const& set, std::int64_t i) { return ChipIndex{set.first.index() + i * set.stride}; }

bool holds(RankSet const& set, ChipIndex rank) {
    auto const offset = rank.index() - set.first.index();
    return offset >= 0 && offset % set.stride == 0 && offset / set.stride < set.count;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/// The group's ranks node by node; chips of a node are neighbours in number.
std::vector<std::vector<ChipIndex>> by_node(RankSet const& group, Topology const& topology) {
    std::vector<std::vector<ChipIndex>> nodes;
    for (std::int64_t i = 0; i < group.count; ++i) {
        auto const rank = member(group, i);
        if (nodes.empty() || topology.tier(nodes.back().front(), rank) > Tier::node) {
            nodes.emplace_back();
        }
        nodes.back().push_back(rank);
    }
    return nodes;
}

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

/// A ring over the nodes: the rank's place in it and the least number of the group's ranks in a node.
struct Ring {
    std::vector<std::vector<ChipIndex>> nodes;
    std::size_t channels = 0;

    Ring(RankSet const& group, Topology const& topology) : nodes{by_node(group, topology)} {
        channels = nodes.front().size();
        for (auto const& node : nodes) {
            channels = std::min(channels, node.size());
        }
    }
    /// The partner in another node: the rank of the same place, or of its channel.
    [[nodiscard]] ChipIndex partner(std::size_t node, std::size_t place) const {
        return nodes[node % nodes.size()][place % channels];
    }
    /// How far the ring's longest hop goes.
    [[nodiscard]] Tier farthest_hop(Topology const& topology) const {
        auto farthest = Tier::node;
        for (std::size_t node = 0; node < nodes.size(); ++node) {
            farthest = std::max(farthest, topology.tier(nodes[node].front(), partner(node + 1, 0)));
        }
        return farthest;
    }
};

struct Traffic {
    ChipIndex rank;
    PerTier bytes{};
    /// What bounds the rank. Not always its own: a ring is as fast as its farthest hop.
    PerTier bound{};
};

/// Bytes per tier of every rank of one group.
std::vector<Traffic> ring_traffic(Collective const& collective, RankSet const& group,
                                  Topology const& topology) {
    Ring const ring{group, topology};
    auto const total = ring_factor(collective.kind, group.count) * collective.bytes.value();
    auto const crossing = ring.nodes.size() == 1 ? 0.0 : total / static_cast<double>(ring.channels);
    auto const farthest = ring.farthest_hop(topology);
    std::vector<Traffic> all;
    for (std::size_t node = 0; node < ring.nodes.size(); ++node) {
        auto const ranks = static_cast<double>(ring.nodes[node].size());
        auto const inside = ring.nodes.size() == 1 ? total : total * (ranks - 1.0) / ranks;
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

std::vector<Traffic> direct_traffic(Collective const& collective, RankSet const& group,
                                    Topology const& topology) {
    auto const share = collective.bytes.value() / static_cast<double>(group.count);
    std::vector<Traffic> all;
    for (std::int64_t i = 0; i < group.count; ++i) {
        PerTier peers{};
        for (std::int64_t j = 0; j < group.count; ++j) {
            if (j != i) {
                peers[static_cast<int>(topology.tier(member(group, i), member(group, j)))] += 1.0;
            }
        }
        Traffic traffic{member(group, i), {}, {}};
        std::ranges::transform(peers, traffic.bytes.begin(), [share](double p) { return p * share; });
        traffic.bound = traffic.bytes;
        all.push_back(traffic);
    }
    return all;
}

std::vector<Traffic> group_traffic(Collective const& collective, RankSet const& group,
                                   Topology const& topology) {
    return collective.kind == CollectiveKind::all_to_all ? direct_traffic(collective, group, topology)
                                                         : ring_traffic(collective, group, topology);
}

bool farther(PerTier const& a, PerTier const& b) {
    return std::lexicographical_compare(b.rbegin(), b.rend(), a.rbegin(), a.rend());
}

/// Bytes of every rank of the class, over all its groups. Between classes of unlike size a translated group may lie
/// outside the topology; its rank is then taken to be as loaded as the representative.
class ClassTraffic {
  public:
    ClassTraffic(Collective const& collective, RankClass const& rank_class, Topology const& topology)
        : members_{rank_class.members}, known_(static_cast<std::size_t>(rank_class.members.count), false),
          traffic_(known_.size()) {
        auto const representative = rank_class.representative;
        add(group_traffic(collective, group_of(representative, collective.group, members_), topology));
        for (std::int64_t i = 0; i < members_.count; ++i) {
            if (known_[i]) {
                continue;
            }
            auto const group = group_of(member(members_, i), collective.group, members_);
            if (group.first.index() >= 0 && member(group, group.count - 1).index() < topology.chips()) {
                add(group_traffic(collective, group, topology));
            } else {
                traffic_[i] = traffic_[place(representative)];
            }
        }
    }

    [[nodiscard]] PerTier const& bound(ChipIndex rank) const { return traffic_[place(rank)].bound; }
    [[nodiscard]] ChipIndex bounding_rank(ChipIndex representative) const {
        auto best = representative;
        for (std::int64_t i = 0; i < members_.count; ++i) {
            if (farther(traffic_[i].bound, bound(best))) {
                best = member(members_, i);
            }
        }
        return best;
    }
    /// Bytes of all ranks behind the link, in units of the rank's own.
    [[nodiscard]] double times(LinkId link, Tier tier, ChipIndex rank, Topology const& topology) const {
        double sum = 0.0;
        for (auto const chip : topology.chips_behind(link)) {
            if (holds(members_, chip)) {
                sum += traffic_[place(chip)].bytes[static_cast<int>(tier)];
            }
        }
        return std::max(1.0, sum / bound(rank)[static_cast<int>(tier)]);
    }

  private:
    void add(std::vector<Traffic> const& of_group) {
        for (auto const& traffic : of_group) {
            if (holds(members_, traffic.rank)) {
                traffic_[place(traffic.rank)] = traffic;
                known_[place(traffic.rank)] = true;
            }
        }
    }
    [[nodiscard]] std::size_t place(ChipIndex rank) const {
        return static_cast<std::size_t>((rank.index() - members_.first.index()) / members_.stride);
    }
    RankSet members_;
    std::vector<bool> known_;
    std::vector<Traffic> traffic_;
};

/// The way out to a peer and the way in from it; pair links only outward, both ways being alike.
struct Way {
    std::vector<LinkId> shared;
    std::vector<LinkId> pairs;
};

Way way_between(ChipIndex rank, ChipIndex peer, Topology const& topology) {
    Way way;
    for (auto const link : topology.route(rank, peer)) {
        auto const direction = topology.link(link).direction;
        if (direction == Direction::outward) {
            way.shared.push_back(link);
        } else if (direction == Direction::pair) {
            way.pairs.push_back(link);
        }
    }
    for (auto const link : topology.route(peer, rank)) {
        if (topology.link(link).direction == Direction::inward) {
            way.shared.push_back(link);
        }
    }
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

void add_peer(Bundles& bundles, ChipIndex rank, ChipIndex peer, Topology const& topology) {
    auto const tier = topology.tier(rank, peer);
    auto way = way_between(rank, peer, topology);
    auto& bundle = bundles[{tier, std::move(way.shared)}];
    bundle.tier = tier;
    bundle.one_peer = peer;
    ++bundle.peers;
    for (auto const link : way.pairs) {
        ++bundle.pair_peers[link];
    }
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

/// Inside the node a ring may go to any of the group (all pair links of a mesh carry channels); across nodes
/// the rank stands for the one at the farthest hop.
Bundles ring_bundles(RankSet const& group, ChipIndex rank, Topology const& topology) {
    Ring const ring{group, topology};
    auto const farthest = ring.farthest_hop(topology);
    Bundles bundles;
    for (std::size_t node = 0; node < ring.nodes.size(); ++node) {
        auto const& ranks = ring.nodes[node];
        auto const at = std::ranges::find(ranks, rank);
        if (at == ranks.end()) {
            continue;
        }
        for (auto const peer : ranks) {
            if (peer != rank) {
                add_peer(bundles, rank, peer, topology);
            }
        }
        for (std::size_t ahead = 1; ahead < ring.nodes.size(); ++ahead) {
            auto const peer = ring.partner(node + ahead, static_cast<std::size_t>(at - ranks.begin()));
            if (topology.tier(rank, peer) == farthest) {
                add_peer(bundles, rank, peer, topology);
                break;
            }
        }
    }
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

} // namespace

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

PerTier bytes_per_tier(Collective const& collective, ChipIndex rank, Topology const& topology) {
    auto const group = group_of(rank, collective.group, collective.group);
    for (auto const& traffic : group_traffic(collective, group, topology)) {
        if (traffic.rank == rank) {
            return traffic.bytes;
        }
    }
    throw BugError{"the rank belongs to the group"};
}

ClassFlows lower(Collective const& collective, RankClass const& rank_class, Topology const& topology) {
    expects(holds(rank_class.members, rank_class.representative) &&
                holds(group_of(rank_class.representative, collective.group, rank_class.members),
                      rank_class.representative),
            "the representative belongs to its class and group: " + rank_class.name);
    ClassFlows lowered{{}, rank_class.representative, collective.group.count, 1, 1};
    if (collective.group.count == 1 || collective.bytes.value() <= 0.0) {
        return lowered;
    }
    ClassTraffic const traffic{collective, rank_class, topology};
    lowered.rank = traffic.bounding_rank(rank_class.representative);
    auto const group = group_of(lowered.rank, collective.group, rank_class.members);
    auto const nodes = by_node(group, topology);
    lowered.nodes = static_cast<std::int64_t>(nodes.size());
    for (auto const& node : nodes) {
        if (std::ranges::find(node, lowered.rank) != node.end()) {
            lowered.ranks_in_node = static_cast<std::int64_t>(node.size());
        }
    }
    auto const direct = collective.kind == CollectiveKind::all_to_all;
    auto const bundles =
        direct ? direct_bundles(group, lowered.rank, topology) : ring_bundles(group, lowered.rank, topology);
    PerTier peers{};
    for (auto const& [key, bundle] : bundles) {
        peers[static_cast<int>(bundle.tier)] += static_cast<double>(bundle.peers);
    }
    for (auto const& [key, bundle] : bundles) {
        ClassFlow flow{.tier = bundle.tier};
        auto const t = static_cast<int>(bundle.tier);
        auto const share = static_cast<double>(bundle.peers) / peers[t];
        flow.bytes = Bytes{traffic.bound(lowered.rank)[t] * share};
        if (flow.bytes.value() <= 0.0) {
            continue;
        }
        for (auto const link : key.second) {
            flow.uses.push_back({link, traffic.times(link, bundle.tier, lowered.rank, topology)});
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

ClassFlow lower(parallel::Message const& message, parallel::Program const& program,
                Topology const& topology) {
    auto const& from = program.classes.at(message.from.index()).members;
    auto const& to = program.classes.at(message.to.index()).members;
    ClassFlow flow{.tier = topology.tier(message.source, message.destination), .bytes = message.bytes};
    for (auto const link : topology.route(message.source, message.destination)) {
        auto const direction = topology.link(link).direction;
        double times = 1.0;
        if (direction != Direction::pair) {
            auto const& side = direction == Direction::outward ? from : to;
            auto const behind = std::ranges::count_if(topology.chips_behind(link),
                                                      [&](ChipIndex chip) { return holds(side, chip); });
            // where fewer ranks receive than send, each receives from several
            auto const per_rank = static_cast<double>(from.count) / static_cast<double>(side.count);
            times = static_cast<double>(behind) * per_rank;
        }
        flow.uses.push_back({link, times > 0.0 ? times : 1.0});
    }
    flow.far_latency = beyond_leaf(message.source, message.destination, flow.tier, topology);
    return flow;
}

} // namespace moesaic::engine
