#include "base/errors.hpp"
#include "cli/command.hpp"
#include "cli/sweep_arguments.hpp"
#include "cli/sweep_executor.hpp"
#include "io/json.hpp"
#include "sweep/file_lock.hpp"
#include "sweep/journal.hpp"
#include "sweep/result_file.hpp"

#include <fmt/format.h>
#include <memory>

namespace moesaic::cli {

namespace {

void tell(SweepArguments const& arguments, std::string const& output, sweep::Points const& points,
          sweep::Gathered const& gathered) {
    if (arguments.json) {
        auto out = io::Json::object();
        out.set("sweep", points.sweep().name).set("points", points.size()).set("ok", gathered.ok);
        out.set("failed", gathered.failed).set("missing", gathered.missing).set("output", output);
        fmt::print("{}\n", out.text());
        return;
    }
    fmt::print("{}\n{} points: {} simulated, {} failed, {} missing\nresult    {}\n", points.sweep().name,
               points.size(), gathered.ok, gathered.failed, gathered.missing, output);
    if (gathered.missing > 0) {
        fmt::print("the sweep command simulates what is missing and goes on from there\n");
    }
}

void run(SweepArguments const& arguments, Outcome& outcome) {
    auto const output = output_of(arguments);
    auto const parts = sweep::parts_folder(output);
    if (sweep::journals_in(parts).empty()) {
        throw InputError{Origin::whole_file(parts), "holds no finished points to join",
                         "Give -o as the sweep had it; a sweep that came to its end has its result there"};
    }
    sweep::OutputLock const lock{output, sweep::LockKind::alone};
    sweep::Points const points{sweep::read_sweep(arguments.file)};
    SweepExecutor executor{points, arguments.timings};
    sweep::Ledger ledger;
    ledger.read(parts, points, executor.content(), true);
    auto const gathered = sweep::write_result(output, points, executor.origin(), ledger);
    if (gathered.missing == 0) {
        sweep::remove_parts(output);
    }
    outcome.partly_failed = gathered.failed + gathered.missing > 0;
    tell(arguments, output, points, gathered);
}

} // namespace

void add_merge_command(CLI::App& app, Outcome& outcome) {
    auto* command = app.add_subcommand(
        "merge", "Join what the parts of a sweep have finished into its result file, whole or not");
    auto arguments = std::make_shared<SweepArguments>();
    add_sweep_inputs(*command, *arguments);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "Example: moesaic merge scenarios/sweeps/nic_and_experts.toml -o nic.h5\n"
        "Nothing is simulated. As long as points are missing, the parts stay and the exit code is 1.");
    command->callback([arguments, &outcome] { run(*arguments, outcome); });
}

} // namespace moesaic::cli
