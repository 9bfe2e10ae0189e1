#include "base/errors.hpp"
#include "cli/command.hpp"
#include "cli/sweep_arguments.hpp"
#include "cli/sweep_dry_run.hpp"
#include "cli/sweep_executor.hpp"
#include "cli/sweep_progress.hpp"
#include "cli/timing_remarks.hpp"
#include "io/json.hpp"
#include "sweep/file_lock.hpp"
#include "sweep/result_file.hpp"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <ranges>

namespace moesaic::cli {

namespace {

/// Set by a signal: finish nothing more, keep what is done.
std::sig_atomic_t volatile stop_asked = 0;

void ask_to_stop(int) { stop_asked = 1; }

void listen_for_stop() {
    struct sigaction action{};
    action.sa_handler = ask_to_stop; // no SA_RESTART: a wait ends at once
    for (int const signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(signal, &action, nullptr);
    }
    ::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error like a full disk
}

std::int64_t points_of(Shard const& shard, std::int64_t size) {
    return (size - shard.number + shard.of) / shard.of;
}

/// @return false where it was stopped
bool run_points(SweepArguments const& arguments, sweep::Runner& runner, SweepProgress& progress,
                std::int64_t size) {
    auto const shard = shard_of(arguments);
    auto const stopped = [&progress] {
        progress.show();
        return stop_asked != 0;
    };
    for (auto index = shard.number - 1; index < size && !stopped(); index += shard.of) {
        runner.take(index, stopped);
    }
    runner.finish(stopped);
    progress.end();
    return stop_asked == 0;
}

io::Json result_json(sweep::Sweep const& sweep, SweepProgress const& progress) {
    auto const& counts = progress.counts();
    auto out = io::Json::object();
    out.set("sweep", sweep.name)
        .set("points", counts.total)
        .set("ok", counts.ok)
        .set("failed", counts.failed)
        .set("without_goal", counts.without_goal);
    out.set("cached", counts.cached).set("resumed", counts.resumed);
    out.set("wall_s", progress.elapsed_s()).set("points_per_minute", progress.points_per_minute());
    auto best = io::Json{};
    if (progress.best()) {
        best = io::Json::object()
                   .set("metric", sweep.goal.metric)
                   .set("value", progress.best()->value)
                   .set("point", progress.best()->point);
    }
    auto failures = io::Json::array();
    for (auto const& [points, first, message] : progress.failures()) {
        failures.add(
            io::Json::object().set("points", points).set("first_point", first).set("message", message));
    }
    return out.set("best", std::move(best)).set("failures", std::move(failures));
}

/// The reasons that most points failed for, each with its first point.
void tell_failures(sweep::Points const& points, std::vector<sweep::LikeFailures> const& failures) {
    constexpr std::size_t shown = 3;
    for (auto const& [count, first, message] : failures | std::views::take(shown)) {
        fmt::print("failed    {} as point {} ({}): {}\n",
                   count == 1 ? "1 point," : fmt::format("{} points,", count), first,
                   axes_text(points, first), message);
    }
    if (failures.size() > shown) {
        fmt::print("          and {} further reasons (moesaic export FILE --failures --csv - lists all)\n",
                   failures.size() - shown);
    }
}

void tell(SweepArguments const& arguments, sweep::Points const& points, SweepProgress const& progress,
          std::string const& where) {
    auto const& sweep = points.sweep();
    if (arguments.json) {
        fmt::print("{}\n", result_json(sweep, progress).set("output", where).text());
        return;
    }
    auto const& counts = progress.counts();
    fmt::print("{}\n{} points: {} simulated, {} as others or from the cache, {} from before; {} failed\n",
               sweep.name, counts.total, counts.done() - counts.cached - counts.resumed, counts.cached,
               counts.resumed, counts.failed);
    if (progress.best()) {
        fmt::print("best      {} (point {})\n", progress.best_text(), progress.best()->point);
    }
    if (counts.without_goal > 0) {
        fmt::print(
            "without   {} of {} points have no {} (columns fits and misfit say which plans do not fit)\n",
            counts.without_goal, counts.ok, sweep.goal.metric);
    }
    tell_failures(points, progress.failures());
    fmt::print("result    {}\n", where);
}

void sweep_points(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor,
                  Outcome& outcome) {
    auto const options = runner_options(arguments);
    auto const shard = shard_of(arguments);
    SweepProgress progress{points, find_goal(points.sweep(), executor.metric_columns()),
                           points_of(shard, points.size()),
                           progress_kind(arguments.quiet, arguments.progress)};
    listen_for_stop();
    sweep::OutputLock const lock{options.output,
                                 shard.of > 1 ? sweep::LockKind::shared : sweep::LockKind::alone};
    executor.warm_up();
    tell_remarks(executor.base_timings().reports());
    sweep::Runner runner{points, executor.executor(), options,
                         [&](sweep::Record const& record, sweep::Source source) {
                             if (shard.has(record.point)) {
                                 progress.add(record, source);
                             }
                         }};
    if (!run_points(arguments, runner, progress, points.size())) {
        throw InputError{Origin::whole_file(options.output), "stopped before the end",
                         "Finished points are kept; the same command goes on from there"};
    }
    outcome.partly_failed = progress.counts().failed > 0;
    if (shard.of > 1) {
        tell(arguments, points, progress,
             fmt::format(
                 "part {} of {} in {}; when all are there, the same command without --shard joins them",
                 shard.number, shard.of, sweep::parts_folder(options.output)));
        return;
    }
    auto const gathered = sweep::write_result(options.output, points, executor.origin(), runner.ledger());
    expects(gathered.missing == 0, "every point of a finished sweep is in its journals");
    sweep::remove_parts(options.output);
    tell(arguments, points, progress, options.output);
}

void run(SweepArguments const& arguments, Outcome& outcome) {
    sweep::Points const points{sweep::read_sweep(arguments.file)};
    SweepExecutor executor{points, arguments.timings};
    executor.check_axes();
    if (arguments.dry_run) {
        tell_dry_run(arguments, points, executor);
    } else {
        sweep_points(arguments, points, executor, outcome);
    }
}

} // namespace

void add_sweep_command(CLI::App& app, Outcome& outcome) {
    auto* command = app.add_subcommand(
        "sweep", "Simulate many scenarios that differ in some fields; killed, it goes on where it stopped");
    auto arguments = std::make_shared<SweepArguments>();
    add_sweep_inputs(*command, *arguments);
    add_worker_options(*command, *arguments);
    command->add_option(
        "--shard", arguments->shard,
        "Run one part of many, as in 2/8 (job arrays); the same command without --shard joins them");
    command->add_flag("--dry-run", arguments->dry_run, "Print the points and the time they would take");
    command->add_flag("--all", arguments->all, "With --dry-run: every point, not some");
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->add_flag("-q,--quiet", arguments->quiet, "No progress");
    command
        ->add_option("--progress", arguments->progress,
                     "How to tell progress: text or json (a line a second)")
        ->check(CLI::IsMember({"text", "json"}));
    command->footer(
        "Example: moesaic sweep scenarios/sweeps/nic_and_experts.toml -o nic.h5 -j 2\n"
        "A failed point is recorded with its message and stops nothing; then the exit code is 1.");
    command->callback([arguments, &outcome] { run(*arguments, outcome); });
}

} // namespace moesaic::cli
