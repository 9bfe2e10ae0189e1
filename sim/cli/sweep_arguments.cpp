#include "cli/sweep_arguments.hpp"

#include "base/errors.hpp"
#include "base/parallel_for.hpp"
#include "cli/scenario_options.hpp"
#include "io/parse_number.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace moesaic::cli {

void add_sweep_inputs(CLI::App& command, SweepArguments& arguments) {
    command.add_option("sweep", arguments.file, "Sweep file")->required();
    command.add_option("-o,--output", arguments.output,
                       "Result file (default: the sweep file's name with .h5, in this folder)");
    add_timings_option(command, arguments.timings);
}

void add_worker_options(CLI::App& command, SweepArguments& arguments) {
    command
        .add_option("-j,--workers", arguments.workers, "Points that run at a time (default: one per core)")
        ->check(CLI::PositiveNumber);
    command.add_option("--time-limit", arguments.time_limit_s, "Seconds for one point; longer is a failure")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command
        .add_option("--memory-limit", arguments.memory_limit_gib,
                    "GiB for one point; more is a failure (default: the machine's memory by the workers)")
        ->check(CLI::PositiveNumber);
    command.add_flag("--no-cache", arguments.no_cache, "Compute every point, and keep none for other sweeps");
    command.add_option("--cache", arguments.cache,
                       "Folder of finished points (default: $MOESAIC_CACHE, else ~/.cache/moesaic/points)");
    command.add_option("--cache-limit", arguments.cache_limit_gb, "GB that this folder may take")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    command.add_flag("--retry-failed", arguments.retry_failed, "When going on, run failed points again");
}

int workers_of(SweepArguments const& arguments) { return workers_or_cores(arguments.workers); }

double machine_memory_gib() {
    return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
           bytes_per_gib;
}

std::string output_of(SweepArguments const& arguments) {
    return arguments.output.empty() ? std::filesystem::path{arguments.file}.stem().string() + ".h5"
                                    : arguments.output;
}

Shard shard_of(SweepArguments const& arguments) {
    if (arguments.shard.empty()) {
        return {};
    }
    auto const number = io::parse_leading_number<std::int64_t>(arguments.shard);
    if (number && number->rest.starts_with('/')) {
        auto const of = io::parse_number<std::int64_t>(number->rest.substr(1));
        if (of && number->value >= 1 && number->value <= *of) {
            return {number->value, *of};
        }
    }
    throw InputError{Origin::whole_file("--shard " + arguments.shard), "is no part of a sweep",
                     "Write it like 2/8: the second of eight parts"};
}

sweep::RunnerOptions runner_options(SweepArguments const& arguments) {
    sweep::RunnerOptions out;
    out.output = output_of(arguments);
    out.journal = arguments.journal;
    if (auto const shard = shard_of(arguments); shard.of > 1) {
        out.journal = fmt::format("shard-{}-of-{}", shard.number, shard.of);
    }
    out.workers = workers_of(arguments);
    out.limits.time = Seconds{arguments.time_limit_s};
    out.limits.memory = Bytes{arguments.memory_limit_gib * bytes_per_gib};
    if (arguments.memory_limit_gib == 0.0) {
        out.limits.memory = Bytes{machine_memory_gib() * bytes_per_gib / out.workers};
    }
    if (!arguments.no_cache) {
        out.cache_folder = arguments.cache.empty() ? sweep::default_cache_folder() : arguments.cache;
    }
    out.cache_limit = Bytes{arguments.cache_limit_gb * 1e9};
    out.retry_failed = arguments.retry_failed;
    return out;
}

} // namespace moesaic::cli
