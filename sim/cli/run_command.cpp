#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "base/parallel_for.hpp"
#include "cli/command.hpp"
#include "cli/run_report.hpp"
#include "cli/scenario_options.hpp"
#include "cli/terminal.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "cli/training_report.hpp"
#include "scenario/run_origin.hpp"
#include "scenario/run_scenario.hpp"

#include <fmt/format.h>
#include <functional>
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

results::Run run_and_file(RunArguments const& arguments, scenario::Scenario const& scenario) {
    auto run = scenario::run_scenario(scenario, data_folder(),
                                      {.timings = arguments.options.timings,
                                       .timings_alone = arguments.timings_alone,
                                       .keep_events = arguments.timeline,
                                       .calibration_file = arguments.options.calibration});
    if (!arguments.output.empty()) {
        results::write_run_file(arguments.output, run,
                                scenario::origin_of(scenario, arguments.options.timings, MOESAIC_VERSION,
                                                    arguments.options.calibration));
    }
    return run;
}

/// A run in a process of its own, told by `tell`.
std::function<std::string()> job_for(RunArguments const& arguments, scenario::Scenario const& scenario,
                                     std::function<std::string(results::Run const&)> tell) {
    return
        [&arguments, &scenario, tell = std::move(tell)] { return tell(run_and_file(arguments, scenario)); };
}

std::vector<std::string>
run_all(RunArguments const& arguments, std::vector<scenario::Scenario> const& scenarios,
        std::function<std::string(scenario::Scenario const&, results::Run const&)> const& tell) {
    std::vector<std::function<std::string()>> jobs;
    for (auto const& s : scenarios) {
        jobs.push_back(job_for(arguments, s, [&s, &tell](results::Run const& run) { return tell(s, run); }));
    }
    auto const workers = workers_or_cores(arguments.workers);
    bool const shows_progress = scenarios.size() > 1 && ::isatty(STDERR_FILENO) != 0;
    auto texts = run_isolated(jobs, workers, [&](std::size_t done) {
        if (shows_progress) {
            fmt::print(stderr, "\r{} of {} scenarios{}", done, scenarios.size(),
                       done == scenarios.size() ? "\r\x1b[K" : "");
            std::fflush(stderr);
        }
    });
    return texts;
}

void print_json(RunArguments const& arguments, std::vector<scenario::Scenario> const& scenarios) {
    auto const texts =
        run_all(arguments, scenarios, [](auto const& s, auto const& run) { return run_json(s, run).text(); });
    if (texts.size() == 1) {
        fmt::print("{}\n", texts.front());
        return;
    }
    fmt::print("{{\"runs\": [");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        fmt::print("{}{}", i ? ",\n" : "\n", texts[i]);
    }
    fmt::print("\n]}}\n");
}

void print_table(RunArguments const& arguments, std::vector<scenario::Scenario> const& scenarios) {
    auto const rows =
        run_all(arguments, scenarios, [](auto const& s, auto const& run) { return joined(run_row(s, run)); });
    std::vector<TextTable::Column> columns;
    for (auto const& heading : run_columns()) {
        columns.push_back({heading, columns.size() < 3 ? TextTable::Align::left : TextTable::Align::right});
    }
    TextTable table{columns};
    for (auto const& row : rows) {
        table.add_row(split(row));
    }
    fmt::print("{}\nT = trillion tokens; measured: share of the critical path on timings measured on the "
               "chip, or between such.\n",
               table.text());
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
        tell_remarks_on(scenarios.back().timings);
    }
    tell_remarks_on(arguments.options.timings);
    if (arguments.json) {
        print_json(arguments, scenarios);
    } else if (scenarios.size() > 1) {
        print_table(arguments, scenarios);
    } else {
        auto const result = run_and_file(arguments, scenarios.front());
        fmt::print("{}", for_terminal(run_summary(scenarios.front(), result)));
        if (result.misfit) {
            throw InputError{scenarios.front().plan.origin, *result.misfit,
                             "Shard the model further, recompute more, or use chips with more memory"};
        }
        if (result.spending && result.spending->over_budget()) {
            throw InputError{scenarios.front().means.budget_origin, over_budget_text(*result.spending),
                             "Use fewer or cheaper chips, or those of the stock"};
        }
        fmt::print(stderr, "simulated in {:.2f} s\n", result.simulation_wall.value());
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
        "Example: moesaic run scenarios/papers/ling_2025/device_d.toml --set training.precision='\"fp8\"'");
    command->callback([arguments] { run(*arguments); });
}

} // namespace moesaic::cli
