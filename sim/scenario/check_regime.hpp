#pragma once
#include "io/toml.hpp"
#include "scenario/scenario.hpp"

#include <string>

namespace moesaic::scenario {

/// Reads what a pool says of how its chips came there: owned_since = "2023-06-01", rented_in = "SG".
[[nodiscard]] Acquired read_acquired(io::TomlTable const& pool);

/// Where the scenario has a [regime] (and perhaps a [fleet]): the rules of that day must allow its chips, or a pool's
/// owned_since or rented_in, the fleet's stock or a licence must excuse them.
/// @throws InputError that names the rule, its predicate and the figure
void check_regime(io::TomlTable const& table, Scenario const& scenario, std::string const& data_folder);

} // namespace moesaic::scenario
