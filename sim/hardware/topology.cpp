#include "hardware/topology.hpp"

#include "hardware/check_topology.hpp"
#include "hardware/max_flow.hpp"
#include "hardware/topology_graph.hpp"

#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <cmath>
#include <fmt/format.h>
#include <map>

namespace moesaic::hardware {

namespace {

/// Only switches pass traffic on: chips and NICs are ends.
struct IsFabric {
    Network const* net = nullptr;
    bool operator()(Vertex v) const { return (*net)[v].fabric_index >= 0; }
};

struct RecordSteps : boost::default_bfs_visitor {
    explicit RecordSteps(std::vector<Step>& out) : steps{&out} {}
    template <class Edge, class Graph>
    void tree_edge(Edge e, Graph const& g) const {
        (*steps)[static_cast<std::size_t>(g[target(e, g)].fabric_index)] = {g[e].link, source(e, g)};
    }
    std::vector<Step>* steps;
};

} // namespace

/// The first and last link of the way, where chips of the two pools have paths of their own.
std::optional<std::pair<int, int>> Topology::Graph::own_path(int from, int to) const {
    int const a = pool_index(from), b = pool_index(to);
    auto const at = own_paths.find({a, b});
    if (at == own_paths.end()) {
        return std::nullopt;
    }
    return std::pair{at->second + 2 * (from - first[a]), own_paths.at({b, a}) + 2 * (to - first[b]) + 1};
}

Topology::Graph::Access Topology::Graph::access(int chip) const {
    for (auto const to_nic : boost::make_iterator_range(out_edges(chip_vertex[chip], net))) {
        auto const nic = target(to_nic, net);
        if (net[nic].kind != VertexKind::nic) {
            continue;
        }
        for (auto const to_leaf : boost::make_iterator_range(out_edges(nic, net))) {
            if (net[target(to_leaf, net)].kind == VertexKind::leaf) {
                return {target(to_leaf, net), net[to_leaf].link};
            }
        }
    }
    throw BugError{"a chip without a NIC"};
}

std::vector<Step> const& Topology::Graph::tree(Vertex leaf) const {
    auto const [entry, is_new] = trees.try_emplace(leaf);
    if (is_new) {
        entry->second.resize(static_cast<std::size_t>(fabric_vertices));
        boost::filtered_graph<Network, boost::keep_all, IsFabric> const switches{net, {}, IsFabric{&net}};
        boost::queue<Vertex> queue;
        std::vector<boost::default_color_type> colors(num_vertices(net));
        auto const color_map =
            boost::make_iterator_property_map(colors.begin(), get(boost::vertex_index, net));
        boost::breadth_first_visit(switches, leaf, queue, RecordSteps{entry->second}, color_map);
    }
    return entry->second;
}

void Topology::Graph::append_scale_up(int from, int to, std::vector<LinkId>& out) const {
    auto const link_between = [&](Vertex a, Vertex b) {
        auto const [found, exists] = edge(a, b, net);
        expects(exists, "chips of a node are joined");
        return LinkId{net[found].link};
    };
    auto const source = chip_vertex[from], destination = chip_vertex[to];
    for (auto const e : boost::make_iterator_range(out_edges(source, net))) {
        auto const next = target(e, net);
        if (net[next].kind == VertexKind::scale_up_switch) {
            out.push_back(LinkId{net[e].link});
            out.push_back(link_between(next, destination));
            return;
        }
    }
    out.push_back(link_between(source, destination));
}

void Topology::Graph::append_fabric(Vertex from, Vertex to, std::vector<LinkId>& out) const {
    auto const& steps = tree(from);
    auto const begin = out.size();
    for (auto v = to; v != from;) {
        auto const& step = steps[static_cast<std::size_t>(net[v].fabric_index)];
        expects(step.link >= 0, "leaf switches are joined");
        out.push_back(LinkId{step.link});
        v = step.before;
    }
    std::ranges::reverse(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
}

/// Dimension by dimension.
void Topology::Graph::append_torus(int pool, int from_node, int to_node, std::vector<LinkId>& out) const {
    auto const& torus = *torus_of_pool[pool];
    int node = from_node;
    for (auto const& leg : torus.legs(from_node, to_node)) {
        for (int hop = 0; hop < leg.hops; ++hop) {
            out.emplace_back(torus.link_of(node, leg.dimension, leg.plus));
            node = torus.neighbour(node, leg.dimension, leg.plus);
        }
    }
}

std::string_view name_of(Tier tier) {
    constexpr std::string_view names[] = {"self", "node", "leaf", "spine", "core", "site"};
    return names[static_cast<std::size_t>(tier)];
}

Topology::Topology(std::vector<TopologyPool> pools, std::vector<SiteLink> site_links)
    : graph_{std::make_unique<Graph>()} {
    expects(!pools.empty(), "a topology has a pool");
    check_pools(pools);
    check_site_links(pools, site_links);
    auto& g = *graph_;
    g.pools = std::move(pools);
    g.first.push_back(0);
    int const count = static_cast<int>(g.pools.size());
    for (int pool = 0; pool < count; ++pool) {
        g.add_chips(pool);
        g.first.push_back(static_cast<int>(g.chip_vertex.size()));
    }
    for (int pool = 0; pool < count; ++pool) {
        int const per_node = g.node_of(pool).chips;
        for (int node = 0; node < g.nodes_of(pool); ++node) {
            int const first_chip = g.first[pool] + node * per_node;
            g.add_scale_up(pool, first_chip, std::min(per_node, g.first[pool + 1] - first_chip),
                           fmt::format("pool{}.node{}", pool, node));
        }
        g.add_fabric(pool);
    }
    for (std::size_t i = 0; i < site_links.size(); ++i) {
        g.add_site_link(site_links[i], fmt::format("site{}", i));
    }
}

Topology::~Topology() = default;
Topology::Topology(Topology&&) noexcept = default;
Topology& Topology::operator=(Topology&&) noexcept = default;

int Topology::chips() const { return static_cast<int>(graph_->chip_vertex.size()); }

PoolId Topology::pool_of(ChipIndex chip) const {
    expects(chip.index() >= 0 && chip.index() < chips(), "the chip is one of the topology's");
    return PoolId{graph_->pool_index(static_cast<int>(chip.index()))};
}

TopologyPool const& Topology::pool(PoolId id) const { return graph_->pools.at(id.index()); }
ChipIndex Topology::first_chip(PoolId id) const { return ChipIndex{graph_->first.at(id.index())}; }

Tier Topology::tier(ChipIndex from, ChipIndex to) const {
    auto const pool = static_cast<int>(pool_of(from).index());
    if (pool_of(to).index() != pool) {
        return Tier::site;
    }
    int const a = static_cast<int>(from.index()), b = static_cast<int>(to.index());
    if (a == b) {
        return Tier::self;
    }
    if (graph_->same_node(pool, a, b)) {
        return Tier::node;
    }
    if (auto const& torus = graph_->torus_of_pool[pool]) {
        auto const legs = torus->legs(graph_->node_index(a), graph_->node_index(b));
        return legs.size() == 1 && legs.front().hops == 1 ? Tier::leaf : Tier::spine;
    }
    auto const mine = graph_->access(a).leaf, theirs = graph_->access(b).leaf;
    if (mine == theirs) {
        return Tier::leaf;
    }
    return graph_->net[mine].leaf_group == graph_->net[theirs].leaf_group ? Tier::spine : Tier::core;
}

bool Topology::sender_waits(ChipIndex from, ChipIndex to) const {
    return graph_->waiting.contains(
        {static_cast<int>(pool_of(from).index()), static_cast<int>(pool_of(to).index())});
}

int Topology::leaf_of(ChipIndex chip) const {
    return graph_->net[graph_->access(static_cast<int>(chip.index())).leaf].fabric_index;
}

std::vector<LinkId> Topology::route(ChipIndex from, ChipIndex to) const {
    std::vector<LinkId> out;
    auto const wanted = tier(from, to);
    int const a = static_cast<int>(from.index()), b = static_cast<int>(to.index());
    if (wanted == Tier::node) {
        graph_->append_scale_up(a, b, out);
    } else if (wanted != Tier::self) {
        auto const source = graph_->access(a), destination = graph_->access(b);
        auto const pool = graph_->pool_index(a);
        auto const own = graph_->own_path(a, b);
        if (own) {
            out.emplace_back(own->first);
        }
        out.push_back(LinkId{source.out});
        if (wanted != Tier::site && graph_->torus_of_pool[pool]) {
            graph_->append_torus(pool, graph_->node_index(a), graph_->node_index(b), out);
        } else {
            graph_->append_fabric(source.leaf, destination.leaf, out);
        }
        out.push_back(LinkId{destination.out ^ 1});
        if (own) {
            out.emplace_back(own->second);
        }
    }
    return out;
}

TopologyLink const& Topology::link(LinkId id) const { return graph_->links.at(id.index()); }
std::size_t Topology::links() const { return graph_->links.size(); }

std::vector<ChipIndex> const& Topology::chips_behind(LinkId link) const {
    return graph_->groups[graph_->group_of_link.at(link.index())];
}

std::vector<std::pair<LinkId, double>> Topology::own_hops(ChipIndex from, ChipIndex to) const {
    std::vector<std::pair<LinkId, double>> out;
    auto const& torus = graph_->torus_of_pool[pool_of(from).index()];
    if (!torus || pool_of(from) != pool_of(to)) {
        return out;
    }
    auto const node = graph_->node_index(static_cast<int>(from.index()));
    for (auto const& leg : torus->legs(node, graph_->node_index(static_cast<int>(to.index())))) {
        auto const link = [&](bool plus) { return LinkId{torus->link_of(node, leg.dimension, plus)}; };
        if (leg.tie) {
            out.emplace_back(link(true), 0.5 * leg.hops);
            out.emplace_back(link(false), 0.5 * leg.hops);
        } else {
            out.emplace_back(link(leg.plus), leg.hops);
        }
    }
    return out;
}

Seconds Topology::latency(ChipIndex from, ChipIndex to) const {
    Seconds sum;
    for (auto const id : route(from, to)) {
        sum += link(id).latency;
    }
    return sum;
}

/// Numbers the vertices of a pool for the flow between its halves: all chips of a half are one vertex (0, 1), the
/// rest counts from 2, -1 is left out. A pool of one node uses its scale-up link alone, as its routes do.
Topology::Graph::Halves Topology::Graph::merge_halves(int pool, InFirstHalf const& in_first) const {
    Halves out{std::vector<int>(num_vertices(net), -1), 2};
    for (int chip = first[pool]; chip < first[pool + 1]; ++chip) {
        out.vertex[chip_vertex[chip]] = in_first(chip) ? 0 : 1;
    }
    for (auto const v : boost::make_iterator_range(vertices(net))) {
        auto const& data = net[v];
        bool const inside =
            data.pool == pool && data.kind != VertexKind::chip && data.kind != VertexKind::wire;
        if (inside && (data.kind == VertexKind::scale_up_switch || nodes_of(pool) > 1)) {
            out.vertex[v] = out.count++;
        }
    }
    return out;
}

BytesPerSecond Topology::Graph::between_halves(int pool, InFirstHalf const& in_first) const {
    auto const halves = merge_halves(pool, in_first);
    auto const rate_of = [&](int link) {
        auto const& nic = node_of(pool).nic_bandwidth.value;
        return Capacity{std::llround((link < 0 ? nic : links[link].bandwidth).value())};
    };
    FlowEdges edges;
    for (auto const e : boost::make_iterator_range(boost::edges(net))) {
        int const from = halves.vertex[source(e, net)], to = halves.vertex[target(e, net)];
        if (from >= 0 && to >= 0 && from != to) {
            edges[{from, to}] += rate_of(net[e].link);
        }
    }
    return BytesPerSecond{static_cast<double>(max_flow(edges, halves.count, 0, 1))};
}

BytesPerSecond Topology::bisection(PoolId id) const {
    auto const& g = *graph_;
    int const pool = static_cast<int>(id.index());
    int const chips = g.pools.at(pool).chips;
    if (chips < 2) {
        return BytesPerSecond{0};
    }
    int const half = g.first[pool] + chips / 2;
    auto least = g.between_halves(pool, [&](int chip) { return chip < half; });
    // a torus may be narrower across another dimension than the first
    auto const& torus = g.torus_of_pool[pool];
    if (!torus || static_cast<int>(torus->leaf.size()) != g.nodes_of(pool)) {
        return least;
    }
    for (int d = 1; d < static_cast<int>(torus->shape.size()); ++d) {
        if (torus->shape[d] % 2 == 0) {
            least = std::min(least, g.between_halves(pool, [&](int chip) {
                return torus->place_of(g.node_index(chip), d) < torus->shape[d] / 2;
            }));
        }
    }
    return least;
}

} // namespace moesaic::hardware
