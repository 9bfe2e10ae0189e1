#include "hardware/topology_graph.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::hardware {

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

int Topology::Graph::rails_of(int pool) const {
    return pools[pool].cluster.fabric.kind == FabricKind::rail_fat_tree ? node_of(pool).nics : 1;
}

/// All, where leaves are not grouped.
int Topology::Graph::nodes_of_group(int pool) const {
    auto const& fabric = pools[pool].cluster.fabric;
    return fabric.groups ? fabric.groups->leaves * fabric.nodes_per_leaf : std::max(1, nodes_of(pool));
}

void Topology::Graph::add_fabric(int pool) {
    auto const& fabric = pools[pool].cluster.fabric;
    if (fabric.torus) {
        add_torus(pool);
        return;
    }
    torus_of_pool.emplace_back();
    auto const top = add(fabric.groups ? VertexKind::core : VertexKind::spine, pool);
    top_of_pool.push_back(top);
    for (int node = 0; node < nodes_of(pool); node += nodes_of_group(pool)) {
        add_leaf_group(pool, node, top);
    }
}

/// The leaves of a group, and what joins each rail's to the core. Without groups the top is their spine.
void Topology::Graph::add_leaf_group(int pool, int first_node, Vertex top) {
    auto const& fabric = pools[pool].cluster.fabric;
    int const last_node = std::min(first_node + nodes_of_group(pool), nodes_of(pool));
    std::vector<Rail> rails(static_cast<std::size_t>(rails_of(pool)));
    for (auto& rail : rails) {
        rail.spine = fabric.groups ? add(VertexKind::spine, pool) : top;
    }
    for (int node = first_node; node < last_node; node += fabric.nodes_per_leaf) {
        for (std::size_t rail = 0; rail < rails.size(); ++rail) {
            add_leaf(pool, node, static_cast<int>(rail), rails);
        }
    }
    ++leaf_groups;
    for (std::size_t rail = 0; fabric.groups && rail < rails.size(); ++rail) {
        auto& [spine, behind, uplinks] = rails[rail];
        auto const bandwidth = fabric.groups->global_links ? fabric.groups->global_links->value
                                                           : uplinks / fabric.groups->oversubscription;
        std::ranges::sort(behind);
        join(spine, top,
             fmt::format("pool{}.group{}.{}.uplink", pool, first_node / nodes_of_group(pool), rail),
             {bandwidth, fabric.groups->latency.value / 2, add_group(std::move(behind))});
    }
}

BytesPerSecond Topology::Graph::uplink_of_leaf(int pool, int nics) const {
    auto const& fabric = pools[pool].cluster.fabric;
    if (fabric.kind == FabricKind::dragonfly) { // a link to each other router of the group
        return fabric.groups->local_link->value * std::max(1, fabric.groups->leaves - 1);
    }
    return node_of(pool).nic_bandwidth.value * static_cast<double>(nics) / fabric.oversubscription;
}

/// NIC k of some nodes for k = rail, or all of them where there is one rail.
void Topology::Graph::add_leaf(int pool, int first_node, int rail, std::vector<Rail>& rails) {
    auto const& node = node_of(pool);
    auto const& fabric = pools[pool].cluster.fabric;
    auto const leaf = add(VertexKind::leaf, pool);
    net[leaf].leaf_group = leaf_groups;
    int const last_node = std::min(first_node + fabric.nodes_per_leaf, nodes_of(pool));
    int const chips_per_nic = node.chips / node.nics;
    std::vector<ChipIndex> behind;
    int nics = 0;
    for (int n = first_node; n < last_node; ++n) {
        for (int nic = 0; nic < node.nics; ++nic) {
            int const first_chip = first[pool] + n * node.chips + nic * chips_per_nic;
            if ((rails.size() > 1 && nic != rail) || first_chip >= first[pool] + pools[pool].chips) {
                continue;
            }
            add_nic(pool, n, nic, leaf);
            std::ranges::copy(chips_between(pool, first_chip, first_chip + chips_per_nic),
                              std::back_inserter(behind));
            ++nics;
        }
    }
    auto& [spine, behind_rail, uplinks] = rails[static_cast<std::size_t>(rail)];
    auto const bandwidth = uplink_of_leaf(pool, nics);
    uplinks += bandwidth;
    std::ranges::copy(behind, std::back_inserter(behind_rail));
    join(leaf, spine, fmt::format("pool{}.leaf{}.{}.uplink", pool, first_node / fabric.nodes_per_leaf, rail),
         {bandwidth, fabric.spine_latency.value / 2, add_group(std::move(behind))});
}

/// A router per node of the cluster; what leads to other pools hangs on the first one.
void Topology::Graph::add_torus(int pool) {
    auto const& cluster = pools[pool].cluster;
    TorusRouters torus{.shape = cluster.fabric.torus->shape, .leaf = {}, .first_link = {}};
    auto const number = leaf_groups++;
    for (int n = 0; n < cluster.nodes; ++n) {
        auto const leaf = add(VertexKind::leaf, pool);
        net[leaf].leaf_group = number;
        torus.leaf.push_back(leaf);
        for (int nic = 0; nic < node_of(pool).nics && n < nodes_of(pool); ++nic) {
            auto const chips_per_nic = node_of(pool).chips / node_of(pool).nics;
            if (n * node_of(pool).chips + nic * chips_per_nic < pools[pool].chips) {
                add_nic(pool, n, nic, leaf);
            }
        }
    }
    join_torus(pool, torus);
    top_of_pool.push_back(torus.leaf.front());
    torus_of_pool.emplace_back(std::move(torus));
}

void Topology::Graph::join_torus(int pool, TorusRouters& torus) {
    auto const& properties = *pools[pool].cluster.fabric.torus;
    int const per_node = node_of(pool).chips;
    for (int node = 0; node < static_cast<int>(torus.leaf.size()); ++node) {
        torus.first_link.push_back(static_cast<int>(links.size()));
        int const first_chip = first[pool] + node * per_node;
        auto const group = add_group(chips_between(pool, first_chip, first_chip + per_node));
        for (int dimension = 0; dimension < static_cast<int>(torus.shape.size()); ++dimension) {
            for (bool const plus : {true, false}) {
                add_link(torus.leaf[node], torus.leaf[torus.neighbour(node, dimension, plus)],
                         {fmt::format("pool{}.node{}.{}{}", pool, node, plus ? '+' : '-', dimension),
                          properties.link.value, properties.hop_latency.value, Direction::through},
                         group);
            }
        }
    }
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
        join(top_of_pool[pool], wire, fmt::format("{}.pool{}", name, pool),
             {link.bandwidth, link.latency / 2, group});
        if (link.per_chip > BytesPerSecond{0}) {
            add_own_paths(pool, pool == link.pool_a ? link.pool_b : link.pool_a, link.per_chip, name);
        }
    }
    if (link.sender_waits) {
        waiting.insert({link.pool_a, link.pool_b});
        waiting.insert({link.pool_b, link.pool_a});
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

} // namespace moesaic::hardware
