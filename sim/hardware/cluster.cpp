#include "hardware/cluster.hpp"

#include "base/nearest_names.hpp"
#include "hardware/read_fact.hpp"

#include <fmt/format.h>
#include <span>

namespace moesaic::hardware {

namespace {

/// A mesh has a wire per pair.
constexpr int most_chips_in_a_mesh = 1024;
constexpr ScaleUpKind scale_up_kinds[] = {ScaleUpKind::switched, ScaleUpKind::full_mesh};
constexpr FabricKind fabric_kinds[] = {FabricKind::rail_fat_tree, FabricKind::leaf_spine,
                                       FabricKind::dragonfly, FabricKind::torus};
constexpr std::size_t most_dimensions = 6;

template <class Kind>
Kind read_kind(io::TomlTable const& table, std::span<Kind const> kinds) {
    auto const word = table.text("kind");
    std::vector<std::string> known;
    for (auto const kind : kinds) {
        if (name_of(kind) == word) {
            return kind;
        }
        known.emplace_back(name_of(kind));
    }
    throw InputError{table.origin("kind"), fmt::format("\"{}\" is no known kind", word),
                     suggestion(word, known)};
}

Provenance read_provenance(io::TomlTable const& table) {
    return {.source = read_source(table),
            .confidence = read_confidence(table),
            .note = table.text_or("note", "")};
}

Fact<BytesPerSecond> read_bandwidth(io::TomlTable const& table, std::string_view key) {
    auto bandwidth = read_fact<BytesPerSecond>(table, key);
    if (bandwidth.value <= BytesPerSecond{0}) {
        throw InputError{table.origin(key), "must be more than 0"};
    }
    return bandwidth;
}

/// The node's own figure; where the file leaves it out, the chip's.
ScaleUp read_scale_up(io::TomlTable const& table, NodeType const& node) {
    ScaleUp out;
    out.kind = read_kind<ScaleUpKind>(table, scale_up_kinds);
    if (table.has("bandwidth")) {
        out.bandwidth = read_bandwidth(table, "bandwidth");
    } else if (node.chip.scale_up_bandwidth && node.chip.scale_up_bandwidth->value > BytesPerSecond{0}) {
        out.bandwidth = *node.chip.scale_up_bandwidth;
    } else {
        throw InputError{table.origin("bandwidth"),
                         fmt::format("is missing, and chip {} has no scale-up bandwidth", node.chip.id)};
    }
    out.latency = read_fact<Seconds>(table, "latency");
    if (out.kind == ScaleUpKind::full_mesh && (node.chips < 2 || node.chips > most_chips_in_a_mesh)) {
        throw InputError{table.origin("kind"), fmt::format("a full mesh has from 2 to {} chips, not {}",
                                                           most_chips_in_a_mesh, node.chips)};
    }
    table.reject_unknown_keys();
    return out;
}

void read_nics(io::TomlTable const& table, NodeType& node) {
    node.nics = read_count(table, "count", most_chips);
    if (node.nics > node.chips || node.chips % node.nics != 0) {
        throw InputError{table.origin("count"),
                         fmt::format("{} NICs cannot be shared evenly by {} chips", node.nics, node.chips),
                         "Count NICs that are bonded for one chip as one with their sum of bandwidth"};
    }
    if (table.has("bandwidth")) {
        node.nic_bandwidth = read_bandwidth(table, "bandwidth");
    } else if (node.chip.nic_bandwidth && node.nics == node.chips) {
        node.nic_bandwidth = *node.chip.nic_bandwidth;
    } else {
        auto const why =
            node.chip.nic_bandwidth
                ? fmt::format("the figure of chip {} is that of a NIC for each chip", node.chip.id)
                : fmt::format("chip {} has no NIC figure of its own to take over", node.chip.id);
        throw InputError{table.origin("bandwidth"), fmt::format("is missing, and {}", why)};
    }
    node.nic_latency = read_fact<Seconds>(table, "latency");
    node.node_by_node = table.boolean_or("node_by_node", false);
    table.reject_unknown_keys();
}

double read_oversubscription(io::TomlTable const& table) {
    auto const value = table.number("oversubscription");
    if (!(value >= 1.0 && value <= 1000.0)) {
        throw InputError{table.origin("oversubscription"),
                         fmt::format("{} is not allowed (must be from 1 to 1000)", value)};
    }
    return value;
}

LeafGroups read_groups(io::TomlTable const& table, FabricKind kind) {
    LeafGroups out{.leaves = read_count(table, "leaves", most_chips),
                   .latency = read_fact<Seconds>(table, "latency")};
    if (kind == FabricKind::dragonfly) {
        out.local_link = read_bandwidth(table, "local_link");
        out.global_links = read_bandwidth(table, "global_links");
    } else {
        out.oversubscription = read_oversubscription(table);
    }
    table.reject_unknown_keys();
    return out;
}

Torus read_torus(io::TomlTable const& table, int nodes) {
    Torus out{.shape = {},
              .link = read_bandwidth(table, "link"),
              .hop_latency = read_fact<Seconds>(table, "hop_latency")};
    std::int64_t places = 1;
    for (auto const length : table.integers("shape")) {
        if (length < 1 || length > most_chips) {
            throw InputError{table.origin("shape"), fmt::format("{} is no length of a torus", length)};
        }
        out.shape.push_back(static_cast<int>(length));
        places = std::min<std::int64_t>(places * length, most_chips);
    }
    if (out.shape.empty() || out.shape.size() > most_dimensions) {
        throw InputError{table.origin("shape"),
                         fmt::format("a torus has from 1 to {} dimensions", most_dimensions)};
    }
    if (places != nodes) {
        throw InputError{table.origin("shape"),
                         fmt::format("has {} places, but there are {} nodes", places, nodes)};
    }
    return out;
}

} // namespace

std::string_view name_of(ScaleUpKind kind) {
    return kind == ScaleUpKind::switched ? "switched" : "full_mesh";
}
std::string_view name_of(FabricKind kind) {
    constexpr std::string_view names[] = {"rail_fat_tree", "leaf_spine", "dragonfly", "torus"};
    return names[static_cast<std::size_t>(kind)];
}

Fabric read_fabric(io::TomlTable const& table, int nodes) {
    Fabric fabric{.kind = read_kind<FabricKind>(table, fabric_kinds), .layout = read_provenance(table)};
    if (fabric.kind == FabricKind::torus) {
        fabric.nodes_per_leaf = 1;
        fabric.torus = read_torus(table, nodes);
    } else {
        fabric.nodes_per_leaf = read_count(table, "nodes_per_leaf", most_chips);
        fabric.spine_latency = read_fact<Seconds>(table, "spine_latency");
    }
    if (fabric.kind == FabricKind::rail_fat_tree || fabric.kind == FabricKind::leaf_spine) {
        fabric.oversubscription = read_oversubscription(table);
    }
    if (fabric.kind == FabricKind::dragonfly || (!fabric.torus && table.has("groups"))) {
        fabric.groups = read_groups(table.table("groups"), fabric.kind);
    }
    table.reject_unknown_keys();
    return fabric;
}

NodeType read_node(io::TomlTable const& table, Chip chip) {
    NodeType node;
    node.id = table.text("id");
    node.name = table.text("name");
    expects(table.text("chip") == chip.id, "the chip is the one that the node names");
    node.chip = std::move(chip);
    node.chips = read_count(table, "chips", most_chips);
    node.layout = read_provenance(table);
    node.scale_up = read_scale_up(table.table("scale_up"), node);
    read_nics(table.table("nic"), node);
    node.host_bandwidth = read_optional_fact<BytesPerSecond>(table, "host_bandwidth");
    table.reject_unknown_keys();
    node.file = table.origin().file;
    return node;
}

Cluster read_cluster(io::TomlTable const& table, NodeType node) {
    Cluster cluster;
    cluster.id = table.text("id");
    cluster.name = table.text("name");
    expects(table.text("node") == node.id, "the node type is the one that the cluster names");
    cluster.node = std::move(node);
    cluster.nodes = read_count(table, "nodes", most_chips / cluster.node.chips);
    cluster.layout = read_provenance(table);
    cluster.fabric = read_fabric(table.table("fabric"), cluster.nodes);
    table.reject_unknown_keys();
    cluster.file = table.origin().file;
    return cluster;
}

} // namespace moesaic::hardware
