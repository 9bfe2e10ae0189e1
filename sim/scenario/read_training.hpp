#pragma once
#include "io/toml.hpp"
#include "scenario/scenario.hpp"

#include <vector>

/// What a scenario says of the whole training beside its steps.
namespace moesaic::scenario {

/// [[training.batch_ramp]] until = "469 Btokens", global_batch = 3072; in order, each above the one before.
/// @param scenario with model, shape, tokens and plan
/// @throws InputError also for a batch that the replicas cannot share
[[nodiscard]] std::vector<BatchRamp> read_batch_ramp(io::TomlTable const& training, Scenario const& scenario);

/// [reliability] chip_hours_per_failure and/or node_hours_per_failure, detection, restart, source; checkpoint_save or
/// checkpoint_bandwidth (then the save takes the bytes of all weights and their optimizer over it);
/// may be left out: checkpoint_interval (the best one), repair (then the pools' spare_nodes matter).
[[nodiscard]] Reliability read_reliability(io::TomlTable const& table, Scenario const& scenario);

/// [economics] hosting = "china_2025", purchases = ["china_2025", "china_2023_2024"], power_price = "0.4 CNY/kWh"
[[nodiscard]] Economics read_economics(io::TomlTable const& table);

} // namespace moesaic::scenario
