#pragma once
#include "base/units.hpp"
#include "hardware/chip.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::hardware {

/// Of a cluster: beyond it the graph of its chips would not fit into memory.
constexpr int most_chips = 1'000'000;

/// Where a layout (counts, wiring) is described; figures of a layout share it.
struct Provenance {
    std::string source;
    Confidence confidence = Confidence::estimate;
    std::string note;
};

/// Inside a node: every chip has a port of `bandwidth` each way. A switch lets one pair use all of it; a full
/// mesh gives each pair 1/(chips-1) of it.
enum class ScaleUpKind { switched, full_mesh };

struct ScaleUp {
    ScaleUpKind kind = ScaleUpKind::switched;
    Fact<BytesPerSecond> bandwidth; ///< per chip, each way
    Fact<Seconds> latency;          ///< chip to chip
};

struct NodeType {
    std::string id;
    std::string name;
    Chip chip;
    int chips = 0; ///< per node (of one scale-up domain)
    ScaleUp scale_up;
    int nics = 0;                       ///< at most one per chip; chips share a NIC evenly, neighbours first
    Fact<BytesPerSecond> nic_bandwidth; ///< per NIC, each way
    Fact<Seconds> nic_latency;          ///< chip to chip over one leaf switch
    /// Between nodes the vendor's collectives pass on what a whole node holds, node by node (HCCL), and not chip by chip.
    bool node_by_node = false;
    std::optional<Fact<BytesPerSecond>> host_bandwidth; ///< chip to host memory, each way
    Provenance layout;                                  ///< of chips, nics and the kind of the scale-up link
    std::string file;
};

[[nodiscard]] std::string_view name_of(ScaleUpKind kind); ///< "switched", "full_mesh"

/// What joins the nodes.
///   rail_fat_tree  a leaf joins NIC k of `nodes_per_leaf` nodes, leaves meet at a spine
///   leaf_spine     a leaf joins all NICs of `nodes_per_leaf` nodes
///   dragonfly      a leaf is a router with all NICs of its nodes; routers of a group are joined all to all, and so are
///                  the groups (Kim et al., ISCA 2008). Adaptive routing is taken to spread traffic over all links of a
///                  router into its group, and of a group to the others
///   torus          each node is a router with a link each way to its neighbours along each dimension
enum class FabricKind { rail_fat_tree, leaf_spine, dragonfly, torus };

[[nodiscard]] std::string_view name_of(FabricKind kind); ///< "rail_fat_tree", …

/// Leaves (of one rail) that are nearer to each other than to the rest: pods of a fat tree, groups of a dragonfly.
struct LeafGroups {
    int leaves = 1;
    double oversubscription = 1.0;                    ///< fat trees: of a pod's uplinks over its leaves'
    std::optional<Fact<BytesPerSecond>> local_link;   ///< dragonfly: between two routers of a group, each way
    std::optional<Fact<BytesPerSecond>> global_links; ///< dragonfly: of a group to all others, each way
    Fact<Seconds> latency;                            ///< added where a path leaves the group
};

struct Torus {
    std::vector<int> shape;    ///< nodes along each dimension; node numbers count along the last one first
    Fact<BytesPerSecond> link; ///< to one neighbour, each way
    Fact<Seconds> hop_latency; ///< of each link
};

struct Fabric {
    FabricKind kind = FabricKind::rail_fat_tree;
    int nodes_per_leaf = 32;
    /// Uplinks of a leaf carry the bandwidth of its NICs divided by this (fat trees).
    double oversubscription = 1.0;
    Fact<Seconds> spine_latency; ///< added where a path goes from leaf to leaf
    std::optional<LeafGroups> groups;
    std::optional<Torus> torus;
    Provenance layout; ///< of kind, counts and oversubscription
};

struct Cluster {
    std::string id;
    std::string name;
    NodeType node;
    int nodes = 0;
    Fabric fabric;
    Provenance layout; ///< of the number of nodes
    std::string file;
};

/// @param chip the chip that the table names under `chip`
[[nodiscard]] NodeType read_node(io::TomlTable const& table, Chip chip);
/// How nodes are joined: a [fabric] table. @throws InputError for an unknown kind or figures that cannot be
/// @param nodes that it joins
[[nodiscard]] Fabric read_fabric(io::TomlTable const& table, int nodes);
/// @param node the node type that the table names under `node`
[[nodiscard]] Cluster read_cluster(io::TomlTable const& table, NodeType node);

[[nodiscard]] inline int chips_of(Cluster const& cluster) { return cluster.node.chips * cluster.nodes; }

} // namespace moesaic::hardware
