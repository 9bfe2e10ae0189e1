#pragma once
#include "parallel/read_plan.hpp"

namespace moesaic::parallel {

/// Whether [parallel] says how the software works, and nothing of which of several pools it works on, or of one pool
/// nothing of its degrees.
[[nodiscard]] bool leaves_layout_open(io::TomlTable const& table, PlanContext const& context);
/// Such a table, for a planner: a plan without kinds. Degrees in it are those of no pool, and are only checked.
[[nodiscard]] Plan read_open_plan(io::TomlTable const& table, PlanContext const& context);

} // namespace moesaic::parallel
