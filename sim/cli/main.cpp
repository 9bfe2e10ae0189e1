#include "base/errors.hpp"
#include "base/heap.hpp"
#include "cli/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <system_error>

namespace {

constexpr int exit_partly_failed = 1, exit_input_error = 2, exit_bug = 3;

int run(int argc, char** argv) {
    CLI::App app{"MoEsaic simulates the training of mixture-of-experts models on clusters of mixed chips: "
                 "does it fit, "
                 "how long does a step take and why, what do a trillion tokens cost."};
    app.set_version_flag("--version", MOESAIC_VERSION);
    app.require_subcommand(1);
    moesaic::cli::Outcome outcome;
    moesaic::cli::add_run_command(app, outcome);
    moesaic::cli::add_plan_command(app, outcome);
    moesaic::cli::add_trace_command(app, outcome);
    moesaic::cli::add_report_command(app, outcome);
    moesaic::cli::add_reproduce_command(app, outcome);
    moesaic::cli::add_sweep_command(app, outcome);
    moesaic::cli::add_sweep_worker_command(app, outcome);
    moesaic::cli::add_merge_command(app, outcome);
    moesaic::cli::add_export_command(app, outcome);
    moesaic::cli::add_analyze_command(app, outcome);
    moesaic::cli::add_models_command(app, outcome);
    moesaic::cli::add_chips_command(app, outcome);
    moesaic::cli::add_clusters_command(app, outcome);
    moesaic::cli::add_rules_command(app, outcome);
    moesaic::cli::add_whatif_command(app, outcome);
    moesaic::cli::add_timings_command(app, outcome);
    moesaic::cli::add_manual_commands(app, outcome);
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        return app.exit(error) == 0 ? 0 : exit_input_error;
    }
    return outcome.partly_failed ? exit_partly_failed : 0;
}

/// What was printed is worth nothing where it did not arrive. Silent where the reader of a pipe has gone.
int exit_of_lost_output(int reason) {
    if (reason != EPIPE) {
        fmt::print(stderr, "error: stdout cannot be written ({})\n", std::strerror(reason ? reason : EIO));
    }
    return exit_input_error;
}

} // namespace

int main(int argc, char** argv) {
    moesaic::prepare_heap();
    try {
        auto const code = run(argc, argv);
        errno = 0;
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
            return exit_of_lost_output(errno);
        }
        return code;
    } catch (moesaic::InputError const& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        return exit_input_error;
    } catch (std::exception const& error) {
        if (auto const* of_system = dynamic_cast<std::system_error const*>(&error);
            of_system && std::ferror(stdout) != 0) { // fmt::print saw it first
            return exit_of_lost_output(of_system->code().value());
        }
        fmt::print(stderr,
                   "internal error: {}\nThis is a mistake in MoEsaic, not in your input; please report it "
                   "with the scenario.\n",
                   error.what());
        return exit_bug;
    }
}
