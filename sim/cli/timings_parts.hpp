#pragma once
#include <CLI/CLI.hpp>

/// Subcommands of `moesaic timings` that have a file of their own.
namespace moesaic::cli {

void add_timings_coverage(CLI::App& timings);
void add_timings_import(CLI::App& timings);

} // namespace moesaic::cli
