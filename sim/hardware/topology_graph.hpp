#pragma once
#include "hardware/topology.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moesaic::hardware {

enum class VertexKind { chip, scale_up_switch, nic, leaf, spine, core, wire };

struct VertexData {
    VertexKind kind = VertexKind::chip;
    int pool = 0;
    int fabric_index = -1; ///< counts switches and wires
    int leaf_group = -1;   ///< of a leaf: counts the groups of all pools
};

/// link -1: chip and NIC, which is no link of its own (the NIC's port is the narrow place).
struct EdgeData {
    int link = -1;
};

using Network = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, VertexData, EdgeData>;
using Vertex = Network::vertex_descriptor;

/// How the breadth-first search from one leaf switch came to each fabric vertex.
struct Step {
    int link = -1;
    Vertex before = 0;
};

/// Hops along one dimension of a torus, the shorter way round.
struct TorusLeg {
    int dimension = 0;
    int hops = 0;
    bool plus = true; ///< where both ways are as long: from nodes of even number, so that both carry as much
    bool tie = false;
};

/// The routers of a torus.
struct TorusRouters {
    std::vector<int> shape;
    std::vector<Vertex>
        leaf; ///< per node of the cluster, those beyond the pool too: traffic passes through them
    std::vector<int> first_link; ///< of the node's 2 per dimension, + before -

    /// The way, dimension by dimension; those without hops are left out.
    [[nodiscard]] std::vector<TorusLeg> legs(int from_node, int to_node) const;
    [[nodiscard]] int neighbour(int node, int dimension, bool plus) const;
    [[nodiscard]] int link_of(int node, int dimension, bool plus) const {
        return first_link[node] + 2 * dimension + (plus ? 0 : 1);
    }
    [[nodiscard]] int place_of(int node, int dimension) const {
        return node / stride_of(dimension) % shape[dimension];
    }

  private:
    [[nodiscard]] int stride_of(int dimension) const;
};

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
    std::vector<Vertex> top_of_pool; ///< the switch from which links lead to other pools
    std::vector<std::optional<TorusRouters>> torus_of_pool;
    int leaf_groups = 0;
    Network net;
    int fabric_vertices = 0;
    std::vector<TopologyLink> links; ///< in pairs: out 2k, in 2k+1 (of a mesh: both ways)
    /// By pool and the pool at the other end: the links of its first chip where chips have a path of their own; those of
    /// the next chip come two behind.
    std::map<std::pair<int, int>, int> own_paths;
    std::set<std::pair<int, int>> waiting; ///< pools, each way, between which senders wait
    std::vector<int> group_of_link;
    std::vector<std::vector<ChipIndex>> groups; ///< the first ones hold one chip each
    mutable std::unordered_map<Vertex, std::vector<Step>> trees;

    Vertex add(VertexKind kind, int pool) {
        bool const fabric = kind >= VertexKind::leaf;
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
    /// Of a group of leaves: what joins those of one rail.
    struct Rail {
        Vertex spine{};
        std::vector<ChipIndex> behind;
        BytesPerSecond uplinks; ///< of its leaves together
    };
    void add_fabric(int pool);
    void add_leaf_group(int pool, int first_node, Vertex top);
    void add_leaf(int pool, int first_node, int rail, std::vector<Rail>& rails);
    void add_torus(int pool);
    void join_torus(int pool, TorusRouters& torus);
    [[nodiscard]] int rails_of(int pool) const;
    [[nodiscard]] int nodes_of_group(int pool) const;
    [[nodiscard]] BytesPerSecond uplink_of_leaf(int pool, int nics) const;
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
    using InFirstHalf = std::function<bool(int chip)>;
    [[nodiscard]] Halves merge_halves(int pool, InFirstHalf const& in_first) const;
    [[nodiscard]] BytesPerSecond between_halves(int pool, InFirstHalf const& in_first) const;
    [[nodiscard]] Access access(int chip) const;
    [[nodiscard]] std::optional<std::pair<int, int>> own_path(int from, int to) const;
    [[nodiscard]] std::vector<Step> const& tree(Vertex leaf) const;
    void append_scale_up(int from, int to, std::vector<LinkId>& out) const;
    void append_fabric(Vertex from, Vertex to, std::vector<LinkId>& out) const;
    void append_torus(int pool, int from_node, int to_node, std::vector<LinkId>& out) const;
    [[nodiscard]] int node_index(int chip) const {
        auto const pool = pool_index(chip);
        return (chip - first[pool]) / node_of(pool).chips;
    }
};

} // namespace moesaic::hardware
