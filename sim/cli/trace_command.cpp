#include "cli/command.hpp"
#include "cli/run_report.hpp"
#include "cli/scenario_options.hpp"
#include "cli/timing_remarks.hpp"
#include "io/json.hpp"
#include "io/unit_text.hpp"
#include "results/trace.hpp"
#include "scenario/run_scenario.hpp"

#include <fmt/format.h>
#include <memory>

namespace moesaic::cli {

namespace {

struct TraceArguments {
    std::string scenario;
    ScenarioOptions options;
    std::string output;
    bool json = false;
};

void trace(TraceArguments const& arguments) {
    auto const scenario =
        scenario::read_scenario(arguments.scenario, arguments.options.overrides(), data_folder());
    auto const timings = scenario::load_timings(scenario, data_folder(), arguments.options.timings);
    tell_remarks(timings.reports());
    auto const run =
        scenario::run_scenario(scenario, timings, data_folder(),
                               {.keep_events = true, .calibration_file = arguments.options.calibration});
    if (run.misfit) {
        throw misfit_error(scenario, run);
    }
    auto const size = results::write_trace(arguments.output, run);
    if (arguments.json) {
        auto told = io::Json::object();
        told.set("file", arguments.output).set("scenario", run.scenario);
        told.set("step_time_s", run.timeline.step.value());
        told.set("slices", size.slices).set("messages", size.messages).set("counts", size.counts);
        fmt::print("{}\n", told.text());
        return;
    }
    fmt::print("{}: a step of {}, {} slices, {} messages between stages\n", arguments.output,
               io::text_of(run.timeline.step), size.slices, size.messages);
    fmt::print(stderr, "Open it at https://ui.perfetto.dev or in chrome://tracing\n");
}

} // namespace

void add_trace_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand(
        "trace", "Simulate one training step and write its timeline for Perfetto or chrome://tracing");
    auto arguments = std::make_shared<TraceArguments>();
    command->add_option("scenario", arguments->scenario, "Scenario file")->required();
    command->add_option("-o,--output", arguments->output, "The trace, JSON")->required();
    add_scenario_options(*command, arguments->options);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "A process per rank class, a thread per stream; arrows are messages between stages, "
        "counters the memory\n"
        "of a rank and the use of each link, every transfer at its mean rate: where several share a link "
        "their\n"
        "sum may pass what it carries for a while, the bytes are right.\n"
        "Example: moesaic trace scenarios/tutorial/02-pipeline.toml -o step.json");
    command->callback([arguments] { trace(*arguments); });
}

} // namespace moesaic::cli
