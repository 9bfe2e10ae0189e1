#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "base/parallel_for.hpp"
#include "cli/command.hpp"
#include "cli/run_report.hpp"
#include "cli/scenario_options.hpp"
#include "cli/terminal.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "scenario/run_origin.hpp"
#include "scenario/run_scenario.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <map>
#include <memory>
#include <unistd.h>

namespace moesaic::cli {

namespace {

struct RunArguments {
    std::vector<std::string> scenarios;
    ScenarioOptions options;
    bool timings_alone = false;
    std::string output; ///< run file; empty = none
    int workers = 0;
    bool timeline = false; ///< keep every operation in the run file
    bool json = false;
};

constexpr char cell_end = '\x1f';

std::string joined(std::vector<std::string> const& cells) {
    std::string out;
    for (auto const& cell : cells) {
        out += cell;
        out += cell_end;
    }
    return out;
}

std::vector<std::string> split(std::string const& text) {
    std::vector<std::string> out(1);
    for (char const c : text) {
        if (c == cell_end) {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    out.pop_back();
    return out;
}

/// By the tables that a scenario names; processes that simulate share them with the one that loaded them.
using TimingsByTables = std::map<std::vector<std::string>, timing::Timings>;

/// Each table of a user is told of once, whatever the number of scenarios that go with it.
TimingsByTables load_timings(RunArguments const& arguments,
                             std::vector<scenario::Scenario> const& scenarios) {
    TimingsByTables out;
    std::vector<timing::TableReport> told;
    for (auto const& scenario : scenarios) {
        auto const [at, fresh] = out.try_emplace(scenario.timings);
        if (!fresh) {
            continue;
        }
        at->second = scenario::load_timings(scenario, data_folder(), arguments.options.timings,
                                            !arguments.timings_alone);
        std::ranges::copy_if(at->second.reports(), std::back_inserter(told), [&](auto const& report) {
            return std::ranges::find(told, report.file, &timing::TableReport::file) == told.end();
        });
    }
    tell_remarks(told);
    return out;
}

results::Run run_and_file(RunArguments const& arguments, scenario::Scenario const& scenario,
                          timing::Timings const& timings) {
    auto run = scenario::run_scenario(
        scenario, timings, data_folder(),
        {.keep_events = arguments.timeline, .calibration_file = arguments.options.calibration});
    if (!arguments.output.empty()) {
        results::write_run_file(arguments.output, run,
                                scenario::origin_of(scenario, arguments.options.timings, MOESAIC_VERSION,
                                                    arguments.options.calibration));
    }
    return run;
}

/// What the process that simulated a scenario tells.
struct Told {
    std::string refusal; ///< empty = the scenario can be done as it stands
    std::vector<std::string> cells;
};
using Cells = std::function<std::vector<std::string>(scenario::Scenario const&, results::Run const&)>;

/// Each in a process of its own.
std::vector<Told> run_all(RunArguments const& arguments, std::vector<scenario::Scenario> const& scenarios,
                          Cells const& cells_of) {
    auto const timings = load_timings(arguments, scenarios);
    std::vector<std::function<std::string()>> jobs;
    for (auto const& s : scenarios) {
        jobs.emplace_back([&] {
            auto const run = run_and_file(arguments, s, timings.at(s.timings));
            auto const refusal = refusal_of(s, run);
            auto cells = cells_of(s, run);
            cells.insert(cells.begin(), refusal ? refusal->what() : "");
            return joined(cells);
        });
    }
    bool const shows_progress = scenarios.size() > 1 && ::isatty(STDERR_FILENO) != 0;
    auto const texts = run_isolated(jobs, workers_or_cores(arguments.workers), [&](std::size_t done) {
        if (shows_progress) {
            fmt::print(stderr, "\r{} of {} scenarios{}", done, scenarios.size(),
                       done == scenarios.size() ? "\r\x1b[K" : "");
            std::fflush(stderr);
        }
    });
    std::vector<Told> out;
    for (auto const& text : texts) {
        auto cells = split(text);
        auto refusal = std::move(cells.front());
        cells.erase(cells.begin());
        out.push_back({std::move(refusal), std::move(cells)});
    }
    return out;
}

void print_json(std::vector<Told> const& runs) {
    fmt::print("{{\"runs\": [");
    for (std::size_t i = 0; i < runs.size(); ++i) {
        fmt::print("{}{}", i ? ",\n" : "\n", runs[i].cells.front());
    }
    fmt::print("\n]}}\n");
}

void print_table(std::vector<Told> const& runs) {
    std::vector<TextTable::Column> columns;
    for (auto const& heading : run_columns()) {
        columns.push_back({heading, columns.size() < 3 ? TextTable::Align::left : TextTable::Align::right});
    }
    TextTable table{columns};
    for (auto const& run : runs) {
        table.add_row(run.cells);
    }
    fmt::print("{}\nT = trillion tokens; measured: share of the critical path on timings measured on the "
               "chip, or between such.\n",
               table.text());
}

/// @throws InputError with all that cannot be done
void check_done(std::vector<Told> const& runs) {
    std::vector<std::string> refusals;
    for (auto const& run : runs) {
        if (!run.refusal.empty()) {
            refusals.push_back(run.refusal);
        }
    }
    if (!refusals.empty()) {
        throw InputError{Origin{}, fmt::format("{}", fmt::join(refusals, "\nerror: "))};
    }
}

/// One scenario in this process: its timeline stays here, so that nothing is told from process to process.
void run_one(RunArguments const& arguments, std::vector<scenario::Scenario> const& scenarios) {
    auto const& scenario = scenarios.front();
    auto const timings = load_timings(arguments, scenarios);
    auto const run = run_and_file(arguments, scenario, timings.at(scenario.timings));
    auto const refusal = refusal_of(scenario, run);
    if (!arguments.json && !refusal) { // before what stdout gathers: both may go into one file
        fmt::print(stderr, "simulated in {:.2f} s\n", run.simulation_wall.value());
    }
    fmt::print("{}", arguments.json ? run_json(scenario, run).text() + "\n"
                                    : for_terminal(run_summary(scenario, run)));
    if (refusal) {
        throw *refusal;
    }
}

void run(RunArguments const& arguments) {
    if (!arguments.output.empty() && arguments.scenarios.size() > 1) {
        throw InputError{Origin::whole_file(arguments.output), "one run file cannot hold several scenarios",
                         "Give --output with one scenario"};
    }
    auto const overrides = arguments.options.overrides();
    std::vector<scenario::Scenario> scenarios;
    for (auto const& file : arguments.scenarios) {
        scenarios.push_back(scenario::read_scenario(file, overrides, data_folder()));
    }
    if (scenarios.size() == 1) {
        run_one(arguments, scenarios);
    } else if (arguments.json) {
        auto const runs = run_all(arguments, scenarios, [](auto const& s, auto const& run) {
            return std::vector{run_json(s, run).text()};
        });
        print_json(runs);
        check_done(runs);
    } else {
        auto const runs = run_all(arguments, scenarios, run_row);
        print_table(runs);
        check_done(runs);
    }
}

} // namespace

void add_run_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand(
        "run",
        "Simulate one training step of each scenario: time, speed, cost, memory, and what they rest on");
    auto arguments = std::make_shared<RunArguments>();
    command->add_option("scenario", arguments->scenarios, "Scenario files; with more than one, a table")
        ->required();
    add_scenario_options(*command, arguments->options);
    command->add_flag("--timings-alone", arguments->timings_alone,
                      "Without the shipped timings: what those of --timings do not know is analytic");
    command
        ->add_option("-j,--workers", arguments->workers,
                     "Scenarios that run at a time (default: one per core)")
        ->check(CLI::PositiveNumber);
    command->add_option("-o,--output", arguments->output,
                        "Write the run as HDF5: scenario, step, memory, evidence, cost (one scenario only)");
    command
        ->add_flag("--timeline", arguments->timeline, "Keep every operation in the run file, for a timeline")
        ->needs("--output");
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "Exit code 2 also where a scenario does not fit into memory or goes over its budget; report, table "
        "or JSON is complete all the same.\n"
        "Example: moesaic run scenarios/papers/ling_2025/device_d.toml --set training.precision='\"fp8\"'");
    command->callback([arguments] { run(*arguments); });
}

} // namespace moesaic::cli
