#pragma once
#include <CLI/CLI.hpp>

/// Subcommands of `moesaic clusters` that have a file of their own.
namespace moesaic::cli {

CLI::App* add_clusters_time(CLI::App& clusters);

} // namespace moesaic::cli
