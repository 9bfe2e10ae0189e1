#pragma once
#include <CLI/CLI.hpp>
#include <string>

/// One file per subcommand. Each registers itself on the application; its callback does the work, prints the
/// result to stdout and everything else to stderr. Errors are thrown; main() turns them into exit codes.
namespace moesaic::cli {

/// Where platforms/ and scenarios/ lie: $MOESAIC_DATA, else ../share/moesaic as seen from the program's folder, where it
/// is installed, else the source tree that it was built from. @throws InputError when none exists
[[nodiscard]] std::string data_folder();

/// Set by a command that ended but could not do all of it (some points failed): main() exits with 1.
struct Outcome {
    bool partly_failed = false;
};

/// `manual` and `completion`, made of what the other commands say of themselves.
void add_manual_commands(CLI::App& app, Outcome& outcome);
void add_chips_command(CLI::App& app, Outcome& outcome);
void add_clusters_command(CLI::App& app, Outcome& outcome);
void add_models_command(CLI::App& app, Outcome& outcome);
void add_timings_command(CLI::App& app, Outcome& outcome);
void add_trace_command(CLI::App& app, Outcome& outcome);
void add_report_command(CLI::App& app, Outcome& outcome);
void add_run_command(CLI::App& app, Outcome& outcome);
void add_rules_command(CLI::App& app, Outcome& outcome);
void add_reproduce_command(CLI::App& app, Outcome& outcome);
void add_sweep_command(CLI::App& app, Outcome& outcome);
void add_sweep_worker_command(CLI::App& app, Outcome& outcome);
void add_merge_command(CLI::App& app, Outcome& outcome);
void add_export_command(CLI::App& app, Outcome& outcome);
void add_analyze_command(CLI::App& app, Outcome& outcome);
void add_plan_command(CLI::App& app, Outcome& outcome);
void add_whatif_command(CLI::App& app, Outcome& outcome);

} // namespace moesaic::cli
