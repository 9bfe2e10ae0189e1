#pragma once
#include "cli/sweep_arguments.hpp"
#include "cli/sweep_executor.hpp"

namespace moesaic::cli {

/// Prints the points of a sweep and, from simulating a few of them, the time it would take.
void tell_dry_run(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor);

} // namespace moesaic::cli
