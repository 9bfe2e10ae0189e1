#pragma once
#include "cli/sweep_arguments.hpp"

#include <string>
#include <vector>

namespace moesaic::cli {

/// The command of a worker process: `moesaic sweep-worker` with what this program was told.
[[nodiscard]] std::vector<std::string> worker_command(SweepArguments const& arguments, int rank);

/// Rank 0: finds the points that are not finished, hands them out as they are asked for, and joins the results.
/// @return the exit code
[[nodiscard]] int drive(SweepArguments const& arguments, int ranks);

/// Any other rank: runs points through a worker process until there are no more.
/// @throws InputError where worker processes end again and again
void serve(SweepArguments const& arguments, int rank);

} // namespace moesaic::cli
