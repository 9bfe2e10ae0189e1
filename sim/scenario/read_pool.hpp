#pragma once
#include "io/toml.hpp"
#include "scenario/facts.hpp"
#include "scenario/scenario.hpp"

namespace moesaic::scenario {

/// One of [[pools]]: chips of a cluster of the catalogue (`cluster`), or a cluster of its own (`node`, `nodes` and, for
/// more than one node, [pools.fabric] with what a cluster file says there). Figures given besides take the place of the
/// catalogue's:
///   scale_up_bandwidth, nic_bandwidth, nics, oversubscription
///   chips_per_node   the job uses so many chips of each node (64 of an NVL72's 72), the first ones
///   [pools.chip]     another build of the chip: source, and memory_bandwidth, memory_capacity or peak_share (of all
///                    its peaks). Its kernels are then timed by the catalogue chip's curves: transferred, not measured.
[[nodiscard]] Pool read_pool(io::TomlTable const& table, Facts const& facts);

} // namespace moesaic::scenario
