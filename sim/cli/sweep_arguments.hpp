#pragma once
#include "sweep/points.hpp"
#include "sweep/runner.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::cli {

/// One of the parts into which a job array cuts a sweep; from 1.
struct Shard {
    std::int64_t number = 1;
    std::int64_t of = 1;
    [[nodiscard]] bool has(std::int64_t point) const { return point % of == number - 1; }
};

/// What sweep, sweep-worker and merge are told.
struct SweepArguments {
    std::string file;
    std::string output;
    std::vector<std::string> timings;
    int workers = 0;
    double time_limit_s = 600.0;
    double memory_limit_gib = 0.0; ///< 0 = its share of the machine's memory
    bool no_cache = false;
    std::string cache;
    double cache_limit_gb = 1.0;
    std::string shard;
    bool retry_failed = false;
    bool dry_run = false;
    bool all = false;
    bool json = false;
    bool quiet = false;
    std::string progress;
    std::string journal = "all";
};

/// The sweep file, the result file and what decides the results.
void add_sweep_inputs(CLI::App& command, SweepArguments& arguments);
/// Workers, limits, cache.
void add_worker_options(CLI::App& command, SweepArguments& arguments);

[[nodiscard]] int workers_of(SweepArguments const& arguments);
[[nodiscard]] double machine_memory_gib();
/// The result file that was asked for, or that of the sweep file's name in the working directory.
[[nodiscard]] std::string output_of(SweepArguments const& arguments);
/// @throws InputError for anything but "2/8"
[[nodiscard]] Shard shard_of(SweepArguments const& arguments);
[[nodiscard]] sweep::RunnerOptions runner_options(SweepArguments const& arguments);

} // namespace moesaic::cli
