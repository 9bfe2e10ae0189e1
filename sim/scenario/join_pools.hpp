#pragma once
#include "scenario/scenario.hpp"

namespace moesaic::scenario {

/// Pools of one cluster of the catalogue, with the same figures and no site link between them, are one pool: the first
/// takes the chips of the others and keeps their names.
void join_pools(Scenario& scenario);

/// The scenario without the pools that have no chips, their links, and what its plan does on them.
void drop_empty_pools(Scenario& scenario);

/// @throws InputError naming two pools that no site link joins
void check_joined(Scenario const& scenario);

} // namespace moesaic::scenario
