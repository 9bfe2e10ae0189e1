#pragma once
#include "hardware/topology.hpp"

/// Small clusters with round figures.
namespace moesaic::hardware {

template <class T>
Fact<T> assumed(T value) {
    return {.value = value, .source = "test"};
}

struct ClusterShape {
    int chips = 8;
    int nics = 8;
    int nodes = 4;
    ScaleUpKind scale_up = ScaleUpKind::switched;
    FabricKind fabric = FabricKind::rail_fat_tree;
    int nodes_per_leaf = 2;
    double oversubscription = 1.0;
};

/// 400 GB/s of scale-up per chip and 1 us, 50 GB/s per NIC and 3 us, 2 us more across the spine.
inline Cluster cluster_of(ClusterShape const& shape) {
    Cluster cluster;
    cluster.id = "test_cluster";
    cluster.file = "test_cluster.toml";
    cluster.nodes = shape.nodes;
    cluster.node.chips = shape.chips;
    cluster.node.nics = shape.nics;
    cluster.node.scale_up = {shape.scale_up, assumed(BytesPerSecond{400e9}), assumed(Seconds{1e-6})};
    cluster.node.nic_bandwidth = assumed(BytesPerSecond{50e9});
    cluster.node.nic_latency = assumed(Seconds{3e-6});
    cluster.fabric = {.kind = shape.fabric,
                      .nodes_per_leaf = shape.nodes_per_leaf,
                      .oversubscription = shape.oversubscription,
                      .spine_latency = assumed(Seconds{2e-6})};
    return cluster;
}

inline Topology topology_of(ClusterShape const& shape) {
    auto cluster = cluster_of(shape);
    int const chips = chips_of(cluster);
    return Topology{{{std::move(cluster), chips}}, {}};
}

} // namespace moesaic::hardware
