#pragma once
#include "engine/lowering.hpp"
#include "hardware/topology.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <string>
#include <utility>
#include <vector>

/// Small clusters and programs with round figures for the tests of the engine.
namespace moesaic::test {

struct Shape {
    int nodes = 2;
    int chips = 8; ///< per node
    int nics = 8;  ///< per node
    int nodes_per_leaf = 32;
    double oversubscription = 1.0;
    hardware::ScaleUpKind scale_up = hardware::ScaleUpKind::switched;
    hardware::FabricKind fabric = hardware::FabricKind::leaf_spine;
    double nic_gb_per_s = 50.0;
};

inline hardware::Cluster cluster_of(Shape const& shape) {
    hardware::NodeType node{.id = "test_node", .name = "test node"};
    node.chip.id = "test_chip";
    node.chips = shape.chips;
    node.scale_up.kind = shape.scale_up;
    node.scale_up.bandwidth.value = BytesPerSecond{400e9};
    node.scale_up.latency.value = Seconds{1e-6};
    node.nics = shape.nics;
    node.nic_bandwidth.value = BytesPerSecond{shape.nic_gb_per_s * 1e9};
    node.nic_latency.value = Seconds{4e-6};
    hardware::Cluster cluster{.id = "test", .name = "test"};
    cluster.node = node;
    cluster.nodes = shape.nodes;
    cluster.fabric.kind = shape.fabric;
    cluster.fabric.nodes_per_leaf = shape.nodes_per_leaf;
    cluster.fabric.oversubscription = shape.oversubscription;
    cluster.fabric.spine_latency.value = Seconds{2e-6};
    return cluster;
}

inline hardware::Topology topology_of(Shape const& shape) {
    return hardware::Topology{{{cluster_of(shape), shape.nodes * shape.chips}}, {}};
}

inline parallel::RankSet ranks(std::int64_t first, std::int64_t stride, std::int64_t count) {
    return {ChipIndex{first}, stride, count};
}

inline parallel::BlockOp kernel(double seconds, std::string role, std::vector<int> after = {}) {
    parallel::Compute compute;
    compute.duration = {Seconds{seconds}, timing::Evidence::measured, 0.1};
    compute.role = std::move(role);
    compute.key = "gemm bf16";
    return {parallel::Stream::compute, compute, std::move(after), false};
}

inline parallel::BlockOp collective(parallel::Stream stream, timing::CollectiveKind kind, double bytes,
                                    parallel::RankSet group, std::vector<int> after = {}) {
    parallel::Collective work{kind, Bytes{bytes}, group, "test", -1};
    return {stream, work, std::move(after), false};
}

inline parallel::RankClass class_of(std::string name, parallel::RankSet members) {
    parallel::RankClass out;
    out.name = std::move(name);
    out.members = members;
    out.representative = members.first;
    return out;
}

/// Seconds of the whole transfer alone: start-up time and bytes at the attainable bandwidth.
inline double alone(timing::Timings const& timings, hardware::NodeType const& node,
                    timing::CollectiveKind kind, hardware::Tier tier, double bytes,
                    std::pair<int, int> ranks_and_nodes) {
    auto const cost =
        timings.collective(node, kind, tier, Bytes{bytes}, ranks_and_nodes.first, ranks_and_nodes.second);
    return cost.startup.value() + bytes / cost.attainable.value();
}

} // namespace moesaic::test
