#pragma once
#include "hardware/chip.hpp"
#include "hardware/cluster.hpp"

#include <string>
#include <string_view>
#include <type_traits>

namespace moesaic::hardware {

/// Calls visit(name, fact) for every figure that a chip can have, in the order of its file; `name` is the path in
/// that file ("memory.bandwidth"), `fact` points to a Fact<T>, null where the figure is not known. Of the peaks
/// only the known ones are visited. Works on Chip and Chip const.
template <class AnyChip, class Visit>
void for_each_figure(AnyChip& chip, Visit&& visit) {
    auto const optional = [&](std::string_view name, auto& figure) {
        visit(name, figure ? &*figure : nullptr);
    };
    for (auto& [dtype, fact] : chip.peak) {
        visit("peak." + std::string{name_of(dtype)}, &fact);
    }
    optional("memory.capacity", chip.memory_capacity);
    optional("memory.bandwidth", chip.memory_bandwidth);
    optional("links.scale_up_name", chip.scale_up_name);
    optional("links.scale_up_bandwidth", chip.scale_up_bandwidth);
    optional("links.scale_up_topology", chip.scale_up_topology);
    optional("links.scale_up_domain", chip.scale_up_domain);
    optional("links.pcie", chip.pcie);
    optional("links.nic_bandwidth", chip.nic_bandwidth);
    optional("package.power", chip.power);
    optional("package.idle_power", chip.idle_power);
    optional("package.load_power", chip.load_power);
    optional("package.speed_spread", chip.speed_spread);
    optional("package.die_area_mm2", chip.die_area_mm2);
    optional("package.process_node", chip.process_node);
    optional("package.launch_date", chip.launch_date);
    optional("export_control.eccn", chip.eccn);
    optional("export_control.tpp", chip.tpp);
    optional("export_control.performance_density", chip.performance_density);
    optional("export_control.applicable_die_area_mm2", chip.applicable_die_area_mm2);
    optional("export_control.non_planar_transistors", chip.non_planar_transistors);
    optional("export_control.io_bandwidth_both_ways", chip.io_bandwidth_both_ways);
}

/// The same for the figures of a node type and of a cluster's fabric.
template <class AnyNode, class Visit>
void for_each_node_figure(AnyNode& node, Visit&& visit) {
    visit("scale_up.bandwidth", &node.scale_up.bandwidth);
    visit("scale_up.latency", &node.scale_up.latency);
    visit("nic.bandwidth", &node.nic_bandwidth);
    visit("nic.latency", &node.nic_latency);
    visit("host_bandwidth", node.host_bandwidth ? &*node.host_bandwidth : nullptr);
}

/// The chip with one of the figure's alternatives in the place of its value, which becomes an alternative.
/// @param number counts the alternatives from 1
/// @param asked_at for the error where figure or alternative do not exist
[[nodiscard]] Chip with_alternative(Chip chip, std::string_view figure, std::size_t number,
                                    Origin const& asked_at);

} // namespace moesaic::hardware
