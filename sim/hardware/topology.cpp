#include "hardware/topology.hpp"

#include "hardware/check_topology.hpp"
#include "hardware/max_flow.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace moesaic::hardware {

namespace {

enum class VertexKind { chip, scale_up_switch, nic, leaf, spine, wire };

struct VertexData {
    VertexKind kind = VertexKind::chip;
    int pool = 0;
    int fabric_index = -1; ///< counts leaf, spine and wire vertices
};

/// link -1: chip and NIC, which is no link of its own (the NIC's port is the narrow place).
struct EdgeData {
    int link = -1;
};

using Network = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, VertexData, EdgeData>;
using Vertex = Network::vertex_descriptor;

/// Only switches pass traffic on: chips and NICs are ends.
struct IsFabric {
    Network const* net = nullptr;
    bool operator()(Vertex v) const { return (*net)[v].fabric_index >= 0; }
};

/// How the breadth-first search from one leaf switch came to each fabric vertex.
struct Step {
    int link = -1;
    Vertex before = 0;
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

struct Topology::Graph {
    struct Duplex {
        BytesPerSecond bandwidth;
        Seconds latency;
        int group; ///< whose chips are behind it
    };
    /// Where a chip's traffic enters the fabric; its way in is the link beside it (out ^ 1).
    struct Access {
        Vertex leaf;
        int out;
    };

    std::vector<TopologyPool> pools;
    std::vector<int> first; ///< chip of each pool; one more at the end
    std::vector<Vertex> chip_vertex;
    std::vector<Vertex> spine_of_pool;
    Network net;
    int fabric_vertices = 0;
    std::vector<TopologyLink> links; ///< in pairs: out 2k, in 2k+1 (of a mesh: both ways)
    /// By pool and the pool at the other end: the links of its first chip where chips have a path of their own; those of
    /// the next chip come two behind.
    std::map<std::pair<int, int>, int> own_paths;
    std::vector<int> group_of_link;
    std::vector<std::vector<ChipIndex>> groups; ///< the first ones hold one chip each
    mutable std::unordered_map<Vertex, std::vector<Step>> trees;

    Vertex add(VertexKind kind, int pool) {
        bool const fabric = kind == VertexKind::leaf || kind == VertexKind::spine || kind == VertexKind::wire;
        return add_vertex(VertexData{kind, pool, fabric ? fabric_vertices++ : -1}, net);
    }
    void join_without_link(Vertex chip, Vertex nic) {
        add_edge(chip, nic, EdgeData{}, net);
        add_edge(nic, chip, EdgeData{}, net);
    }
    void add_link(Vertex from, Vertex to, TopologyLink link, int group) {
        add_edge(from, to, EdgeData{static_cast<int>(links.size())}, net);
        links.push_back(std::move(link));
        group_of_link.push_back(group);
    }
    /// Away from the chips and back.
    void join(Vertex outer, Vertex inner, std::string const& name, Duplex const& d) {
        add_link(outer, inner, {name + ".out", d.bandwidth, d.latency, Direction::outward}, d.group);
        add_link(inner, outer, {name + ".in", d.bandwidth, d.latency, Direction::inward}, d.group);
    }
    int add_group(std::vector<ChipIndex> chips) {
        groups.push_back(std::move(chips));
        return static_cast<int>(groups.size()) - 1;
    }

    void add_chips(int pool);
    void add_scale_up(int pool, int first_chip, int count, std::string const& node_name);
    void add_mesh(int pool, int first_chip, int count, std::string const& node_name);
    void add_fabric(int pool);
    void add_leaf(int pool, int first_node, int rails, int rail);
    void add_nic(int pool, int node, int nic, Vertex leaf);
    void add_site_link(SiteLink const& link, std::string const& name);
    void add_own_paths(int pool, int other, BytesPerSecond rate, std::string const& name);

    [[nodiscard]] int pool_index(int chip) const {
        return static_cast<int>(std::ranges::upper_bound(first, chip) - first.begin()) - 1;
    }
    [[nodiscard]] NodeType const& node_of(int pool) const { return pools[pool].cluster.node; }
    [[nodiscard]] int nodes_of(int pool) const {
        return (pools[pool].chips + node_of(pool).chips - 1) / node_of(pool).chips;
    }
    /// [begin, end), without what lies behind the pool's last chip.
    [[nodiscard]] std::vector<ChipIndex> chips_between(int pool, int begin, int end) const;
    [[nodiscard]] bool same_node(int pool, int a, int b) const {
        int const per_node = node_of(pool).chips;
        return (a - first[pool]) / per_node == (b - first[pool]) / per_node;
    }
    struct Halves {
        std::vector<int> vertex;
        int count;
    };
    [[nodiscard]] Halves merge_halves(int pool) const;
    [[nodiscard]] Access access(int chip) const;
    [[nodiscard]] std::optional<std::pair<int, int>> own_path(int from, int to) const;
    [[nodiscard]] std::vector<Step> const& tree(Vertex leaf) const;
    void append_scale_up(int from, int to, std::vector<LinkId>& out) const;
    void append_fabric(Vertex from, Vertex to, std::vector<LinkId>& out) const;
};

std::vector<ChipIndex> Topology::Graph::chips_between(int pool, int begin, int end) const {
    std::vector<ChipIndex> out;
    for (int chip = begin; chip < std::min(end, first[pool + 1]); ++chip) {
        out.emplace_back(chip);
    }
    return out;
}

void Topology::Graph::add_chips(int pool) {
    for (int i = 0; i < pools[pool].chips; ++i) {
        add_group({ChipIndex{static_cast<std::int64_t>(chip_vertex.size())}});
        chip_vertex.push_back(add(VertexKind::chip, pool));
    }
}

void Topology::Graph::add_scale_up(int pool, int first_chip, int count, std::string const& node_name) {
    auto const& scale_up = node_of(pool).scale_up;
    if (scale_up.kind == ScaleUpKind::full_mesh) {
        add_mesh(pool, first_chip, count, node_name);
        return;
    }
    auto const hub = add(VertexKind::scale_up_switch, pool);
    for (int i = 0; i < count; ++i) {
        join(chip_vertex[first_chip + i], hub, fmt::format("{}.chip{}.scale_up", node_name, i),
             {scale_up.bandwidth.value, scale_up.latency.value / 2, first_chip + i});
    }
}

/// Every pair has its own wires of bandwidth/(chips-1), also where the pool leaves some chips of the node
/// out.
void Topology::Graph::add_mesh(int pool, int first_chip, int count, std::string const& node_name) {
    auto const& node = node_of(pool);
    auto const pair_bandwidth = node.scale_up.bandwidth.value / (node.chips - 1);
    auto const add_one_way = [&](int from, int to) {
        add_link(chip_vertex[first_chip + from], chip_vertex[first_chip + to],
                 {fmt::format("{}.chip{}.to.chip{}", node_name, from, to), pair_bandwidth,
                  node.scale_up.latency.value, Direction::pair},
                 first_chip + from);
    };
    for (int a = 0; a < count; ++a) {
        for (int b = a + 1; b < count; ++b) {
            add_one_way(a, b);
            add_one_way(b, a);
        }
    }
}

void Topology::Graph::add_fabric(int pool) {
    auto const& fabric = pools[pool].cluster.fabric;
    bool const by_rail = fabric.kind == FabricKind::rail_fat_tree;
    spine_of_pool.push_back(add(VertexKind::spine, pool));
    for (int node = 0; node < nodes_of(pool); node += fabric.nodes_per_leaf) {
        int const rails = by_rail ? node_of(pool).nics : 1;
        for (int rail = 0; rail < rails; ++rail) {
            add_leaf(pool, node, rails, rail);
        }
    }
}

/// NIC k of a group of nodes for k = rail (of `rails` leaves for the group), or all of them where rails is 1.
void Topology::Graph::add_leaf(int pool, int first_node, int rails, int rail) {
    auto const& node = node_of(pool);
    auto const& fabric = pools[pool].cluster.fabric;
    auto const leaf = add(VertexKind::leaf, pool);
    int const last_node = std::min(first_node + fabric.nodes_per_leaf, nodes_of(pool));
    int const chips_per_nic = node.chips / node.nics;
    std::vector<ChipIndex> behind;
    int nics = 0;
    for (int n = first_node; n < last_node; ++n) {
        for (int nic = 0; nic < node.nics; ++nic) {
            int const first_chip = first[pool] + n * node.chips + nic * chips_per_nic;
            if ((rails > 1 && nic != rail) || first_chip >= first[pool] + pools[pool].chips) {
                continue;
            }
            add_nic(pool, n, nic, leaf);
            std::ranges::copy(chips_between(pool, first_chip, first_chip + chips_per_nic),
                              std::back_inserter(behind));
            ++nics;
        }
    }
    auto const name = fmt::format("pool{}.leaf{}.{}.uplink", pool, first_node / fabric.nodes_per_leaf, rail);
    auto const bandwidth = node.nic_bandwidth.value * static_cast<double>(nics) / fabric.oversubscription;
    join(leaf, spine_of_pool.back(), name,
         {bandwidth, fabric.spine_latency.value / 2, add_group(std::move(behind))});
}

void Topology::Graph::add_nic(int pool, int node_index, int nic, Vertex leaf) {
    auto const& node = node_of(pool);
    int const shared_by = node.chips / node.nics;
    int const first_chip = first[pool] + node_index * node.chips + nic * shared_by;
    auto const chips = chips_between(pool, first_chip, first_chip + shared_by);
    auto const vertex = add(VertexKind::nic, pool);
    for (auto const chip : chips) {
        join_without_link(chip_vertex[chip.index()], vertex);
    }
    int const group = chips.size() == 1 ? first_chip : add_group(chips);
    join(vertex, leaf, fmt::format("pool{}.node{}.nic{}", pool, node_index, nic),
         {node.nic_bandwidth.value, node.nic_latency.value / 2, group});
}

void Topology::Graph::add_site_link(SiteLink const& link, std::string const& name) {
    auto const wire = add(VertexKind::wire, link.pool_a);
    for (int const pool : {link.pool_a, link.pool_b}) {
        int const group = add_group(chips_between(pool, first[pool], first[pool + 1]));
        join(spine_of_pool[pool], wire, fmt::format("{}.pool{}", name, pool),
             {link.bandwidth, link.latency / 2, group});
        if (link.per_chip > BytesPerSecond{0}) {
            add_own_paths(pool, pool == link.pool_a ? link.pool_b : link.pool_a, link.per_chip, name);
        }
    }
}

/// No edges of the graph: routes between the pools take them first and last.
void Topology::Graph::add_own_paths(int pool, int other, BytesPerSecond rate, std::string const& name) {
    own_paths[{pool, other}] = static_cast<int>(links.size());
    for (int chip = first[pool]; chip < first[pool + 1]; ++chip) {
        for (auto const direction : {Direction::outward, Direction::inward}) {
            links.push_back(
                {fmt::format("{}.chip{}.{}", name, chip, direction == Direction::outward ? "out" : "in"),
                 rate, Seconds{}, direction});
            group_of_link.push_back(chip);
        }
    }
}

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

std::string_view name_of(Tier tier) {
    constexpr std::string_view names[] = {"self", "node", "leaf", "spine", "site"};
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
    return graph_->access(a).leaf == graph_->access(b).leaf ? Tier::leaf : Tier::spine;
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
        auto const own = graph_->own_path(a, b);
        if (own) {
            out.emplace_back(own->first);
        }
        out.push_back(LinkId{source.out});
        graph_->append_fabric(source.leaf, destination.leaf, out);
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

Seconds Topology::latency(ChipIndex from, ChipIndex to) const {
    Seconds sum;
    for (auto const id : route(from, to)) {
        sum += link(id).latency;
    }
    return sum;
}

/// Numbers the vertices of a pool for the flow between its halves: all chips of a half are one vertex (0, 1), the
/// rest counts from 2, -1 is left out. A pool of one node uses its scale-up link alone, as its routes do.
Topology::Graph::Halves Topology::Graph::merge_halves(int pool) const {
    Halves out{std::vector<int>(num_vertices(net), -1), 2};
    int const half = first[pool] + pools[pool].chips / 2;
    for (int chip = first[pool]; chip < first[pool + 1]; ++chip) {
        out.vertex[chip_vertex[chip]] = chip < half ? 0 : 1;
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

BytesPerSecond Topology::bisection(PoolId id) const {
    auto const& g = *graph_;
    int const pool = static_cast<int>(id.index());
    if (g.pools.at(pool).chips < 2) {
        return BytesPerSecond{0};
    }
    auto const halves = g.merge_halves(pool);
    auto const rate_of = [&](int link) {
        auto const& nic = g.node_of(pool).nic_bandwidth.value;
        return Capacity{std::llround((link < 0 ? nic : g.links[link].bandwidth).value())};
    };
    FlowEdges edges;
    for (auto const e : boost::make_iterator_range(boost::edges(g.net))) {
        int const from = halves.vertex[source(e, g.net)], to = halves.vertex[target(e, g.net)];
        if (from >= 0 && to >= 0 && from != to) {
            edges[{from, to}] += rate_of(g.net[e].link);
        }
    }
    return BytesPerSecond{static_cast<double>(max_flow(edges, halves.count, 0, 1))};
}

} // namespace moesaic::hardware
