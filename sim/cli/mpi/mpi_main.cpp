#include "base/errors.hpp"
#include "cli/mpi/roles.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <mpi.h>

namespace {

constexpr int exit_input_error = 2, exit_bug = 3;

/// Ends every rank: the others would wait for this one.
[[noreturn]] void end_all(int code) {
    MPI_Abort(MPI_COMM_WORLD, code);
    std::abort();
}

int ranks_on_this_node() {
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    int ranks = 1;
    MPI_Comm_size(node, &ranks);
    MPI_Comm_free(&node);
    return ranks;
}

void add_sweep(CLI::App& app, moesaic::cli::SweepArguments& arguments) {
    auto* command = app.add_subcommand("sweep", "Simulate many scenarios that differ in some fields");
    moesaic::cli::add_sweep_inputs(*command, arguments);
    moesaic::cli::add_worker_options(*command, arguments);
    command->add_flag("-q,--quiet", arguments.quiet, "No progress");
    command
        ->add_option("--progress", arguments.progress, "How to tell progress: text or json (a line a second)")
        ->check(CLI::IsMember({"text", "json"}));
    command->footer("Example: mpirun -n 64 moesaic-mpi sweep big.toml -o big.h5\n"
                    "-j is the number of points that each rank runs at a time (default: 1).\n"
                    "Killed, the same command goes on where it stopped; moesaic merge joins what is there.");
}

int run(int argc, char** argv, int rank, int ranks) {
    CLI::App app{
        "Runs a sweep on many machines: rank 0 hands out points, every other rank runs them through worker "
        "processes of the program moesaic beside this one."};
    app.require_subcommand(1);
    moesaic::cli::SweepArguments arguments;
    add_sweep(app, arguments);
    auto const sharing = ranks_on_this_node();
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        // All ranks see the same command line; one tells.
        return rank == 0 && app.exit(error) != 0 ? exit_input_error : 0;
    }
    arguments.workers = std::max(1, arguments.workers);
    if (arguments.memory_limit_gib == 0.0) {
        arguments.memory_limit_gib = moesaic::cli::machine_memory_gib() / (sharing * arguments.workers);
    }
    if (rank == 0) {
        return moesaic::cli::drive(arguments, ranks);
    }
    moesaic::cli::serve(arguments, rank);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    ::signal(SIGPIPE, SIG_IGN); // a worker that ends is started again
    int rank = 0, ranks = 1, code = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    try {
        code = run(argc, argv, rank, ranks);
    } catch (moesaic::InputError const& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        end_all(exit_input_error);
    } catch (std::exception const& error) {
        fmt::print(stderr, "internal error: {}\n", error.what());
        end_all(exit_bug);
    }
    MPI_Finalize();
    return code;
}
