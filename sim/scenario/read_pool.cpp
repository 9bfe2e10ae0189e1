#include "scenario/read_pool.hpp"

#include "hardware/read_fact.hpp"
#include "scenario/check_regime.hpp"

#include <fmt/format.h>

namespace moesaic::scenario {

namespace {

template <class T>
hardware::Fact<T> chosen_fact(T value, Origin const& at) {
    return {value, fmt::format("set in {}", at.text()), hardware::Confidence::estimate, {}, {}};
}

/// A figure that the scenario puts in place of the catalogue's.
template <class Q>
void replace(io::TomlTable const& t, std::string_view key, hardware::Fact<Q>& fact) {
    if (auto const chosen = t.optional_quantity<Q>(key)) {
        if (chosen->value() <= 0) {
            throw InputError{t.origin(key), "must be above zero"};
        }
        fact = chosen_fact(*chosen, t.origin(key));
    }
}

template <class Q>
void replace(io::TomlTable const& t, std::string_view key, std::optional<hardware::Fact<Q>>& fact) {
    if (t.has(key)) {
        fact.emplace();
        replace(t, key, *fact);
    }
}

/// Another build of the chip. Measurements of the catalogue's chip are not its own.
void read_build(io::TomlTable const& t, hardware::Chip& chip) {
    if (t.text("source").empty()) {
        throw InputError{t.origin("source"), "a figure without a source is refused"};
    }
    replace(t, "memory_bandwidth", chip.memory_bandwidth);
    replace(t, "memory_capacity", chip.memory_capacity);
    auto const share = t.number_or("peak_share", 1.0);
    if (!(share > 0.0 && share <= 2.0)) {
        throw InputError{t.origin("peak_share"), "must be above 0 and at most 2"};
    }
    for (auto& [dtype, peak] : chip.peak) {
        peak.value = peak.value * share;
    }
    chip.timing_names.clear();
    chip.die = die_of(chip);
    chip.id += " (other build)"; // the catalogue's chip may lend its curves
    t.reject_unknown_keys();
}

void take_part_of_node(io::TomlTable const& t, hardware::NodeType& node) {
    auto const chips = t.count("chips_per_node", 1);
    if (chips > node.chips || node.nics * chips % node.chips != 0) {
        throw InputError{t.origin("chips_per_node"),
                         fmt::format("{} chips are no part of node {} with {} chips and {} NICs", chips,
                                     node.id, node.chips, node.nics)};
    }
    node.nics = node.nics * chips / node.chips;
    node.chips = chips;
}

hardware::Cluster own_cluster(io::TomlTable const& t, Facts const& facts) {
    hardware::Cluster out;
    out.node = facts.node(t.text("node"), t.origin("node"));
    out.nodes = hardware::read_count(t, "nodes", hardware::most_chips / out.node.chips);
    out.id = fmt::format("{} x {}", out.nodes, out.node.id);
    out.name = out.id;
    out.file = t.origin().file;
    out.layout.source = fmt::format("set in {}", t.origin("nodes").text());
    if (auto const fabric = t.optional_table("fabric")) {
        out.fabric = hardware::read_fabric(*fabric, out.nodes);
    } else if (out.nodes > 1) {
        throw InputError{t.origin("fabric"), "is missing: more nodes than one need a network",
                         "Describe it under [pools.fabric], or name a `cluster` of the catalogue"};
    }
    return out;
}

void read_node_figures(io::TomlTable const& t, hardware::NodeType& node) {
    replace(t, "scale_up_bandwidth", node.scale_up.bandwidth);
    replace(t, "nic_bandwidth", node.nic_bandwidth);
    if (t.has("nics")) {
        node.nics = t.count("nics", 1);
        if (node.nics > node.chips || node.chips % node.nics != 0) {
            throw InputError{t.origin("nics"), fmt::format("{} NICs cannot be shared evenly by {} chips",
                                                           node.nics, node.chips)};
        }
    }
    if (t.has("chips_per_node")) {
        take_part_of_node(t, node);
    }
    if (auto const build = t.optional_table("chip")) {
        read_build(*build, node.chip);
    }
}

void read_oversubscription(io::TomlTable const& t, hardware::Fabric& fabric) {
    using enum hardware::FabricKind;
    if (t.has("oversubscription") && (fabric.kind == dragonfly || fabric.kind == torus)) {
        throw InputError{t.origin("oversubscription"),
                         fmt::format("a {} has none", hardware::name_of(fabric.kind)),
                         "The bandwidth of its links stands in the cluster's [fabric]"};
    }
    fabric.oversubscription = t.number_or("oversubscription", fabric.oversubscription);
    if (fabric.oversubscription < 1.0) {
        throw InputError{t.origin("oversubscription"),
                         "must be 1 or more (1 = full bandwidth above the leaf switches)"};
    }
}

} // namespace

Pool read_pool(io::TomlTable const& t, Facts const& facts) {
    if (t.has("cluster") == t.has("node")) {
        throw InputError{
            t.origin("cluster"), "a pool names either a cluster or a node type",
            "`cluster = …` for one of the catalogue, `node = …` with `nodes` for one described here"};
    }
    Pool pool{.name = t.text("name"), .cluster = {}, .chips = 0, .acquired = {}};
    pool.cluster =
        t.has("cluster") ? facts.cluster(t.text("cluster"), t.origin("cluster")) : own_cluster(t, facts);
    read_node_figures(t, pool.cluster.node);
    read_oversubscription(t, pool.cluster.fabric);
    auto const& node = pool.cluster.node;
    int const all = hardware::chips_of(pool.cluster);
    pool.chips = t.count_or("chips", all, 1);
    if (pool.chips > all) {
        throw InputError{t.origin("chips"),
                         fmt::format("cluster {} has {} chips only", pool.cluster.id, all)};
    }
    if (pool.chips > node.chips && pool.chips % node.chips != 0) {
        throw InputError{t.origin("chips"),
                         fmt::format("{} chips are no whole number of nodes of {}", pool.chips, node.chips)};
    }
    pool.spare_nodes = t.count_or("spare_nodes", 0, 0);
    if (pool.chips + std::int64_t{pool.spare_nodes} * node.chips > all) {
        throw InputError{t.origin("spare_nodes"),
                         fmt::format("cluster {} has {} chips only", pool.cluster.id, all)};
    }
    pool.acquired = read_acquired(t);
    t.reject_unknown_keys();
    return pool;
}

} // namespace moesaic::scenario
