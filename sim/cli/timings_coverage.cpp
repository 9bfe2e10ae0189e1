#include "cli/command.hpp"
#include "cli/number_text.hpp"
#include "cli/scenario_options.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "cli/timings_parts.hpp"
#include "io/csv.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"
#include "io/unit_text.hpp"
#include "scenario/coverage.hpp"

#include <fmt/format.h>
#include <memory>

namespace moesaic::cli {

namespace {

using scenario::Coverage;
using scenario::CoverageLine;

struct Arguments {
    std::string scenario;
    ScenarioOptions options;
    bool timings_alone = false;
    std::string missing;
    bool json = false;
};

io::Json json_of(CoverageLine const& line) {
    auto const& [kernel, duration, source, measured, nearest] = line.evidence;
    auto near = io::Json::array();
    for (auto const& shape : nearest) {
        near.add(io::Json::object()
                     .set("shape", shape.shape)
                     .set("source", shape.source)
                     .set("distance", shape.distance)
                     .set("grid_cell", shape.condensed));
    }
    return io::Json::object()
        .set("chip", line.chip)
        .set("operation", line.operation)
        .set("pass", model::name_of(line.pass))
        .set("op", timing::table_op(kernel.op).name)
        .set("dtype", kernel.dtype)
        .set("m", kernel.m)
        .set("n", kernel.n)
        .set("k", kernel.k)
        .set("batch", kernel.batch)
        .set("extra", timing::extra_text(kernel.options))
        .set("times_per_step", line.times)
        .set("time_s", duration.time.value())
        .set("evidence", timing::name_of(duration.evidence))
        .set("relative_uncertainty", duration.sigma)
        .set("share", line.share)
        .set("source", source)
        .set("kernel_measured", measured)
        .set("nearest", std::move(near));
}

void print_json(Coverage const& coverage) {
    auto kernels = io::Json::array(), exchanges = io::Json::array();
    for (auto const& line : coverage.kernels) {
        kernels.add(json_of(line));
    }
    for (auto const& line : coverage.exchanges) {
        exchanges.add(io::Json::object()
                          .set("key", line.key)
                          .set("evidence", timing::name_of(line.evidence))
                          .set("relative_uncertainty", line.sigma)
                          .set("share_of_critical_path", line.share));
    }
    fmt::print("{}\n", io::Json::object()
                           .set("scenario", coverage.scenario)
                           .set("step_time_s", coverage.step.value())
                           .set("kernels", std::move(kernels))
                           .set("exchanges", std::move(exchanges))
                           .set("experts", io::Json::object()
                                               .set("share_most_loaded_rank", coverage.experts.most_loaded)
                                               .set("share_mean_rank", coverage.experts.mean))
                           .text());
}

void print_tables(Coverage const& coverage) {
    using Align = TextTable::Align;
    TextTable kernels{{{"chip"},
                       {"operation"},
                       {"pass"},
                       {"kernel"},
                       {"share", Align::right},
                       {"time", Align::right},
                       {"evidence"},
                       {"+-", Align::right},
                       {"nearest measured"}}};
    for (auto const& line : coverage.kernels) {
        auto const& [kernel, duration, source, measured, nearest] = line.evidence;
        kernels.add_row(
            {line.chip, line.operation, std::string{model::name_of(line.pass)},
             fmt::format("{} {} {}", timing::table_op(kernel.op).name, kernel.dtype,
                         timing::shape_text(kernel)),
             percent(line.share), io::text_of(duration.time), std::string{timing::name_of(duration.evidence)},
             fmt::format("{:.0f} %", 100 * duration.sigma),
             nearest.empty() ? "none"
                             : fmt::format("{} ({}{})", nearest.front().shape, nearest.front().source,
                                           nearest.front().condensed ? ", grid" : "")});
    }
    fmt::print("{}: a step of {}\n\n{}", coverage.scenario, io::text_of(coverage.step), kernels.text());
    TextTable exchanges{
        {{"exchange on the critical path"}, {"share", Align::right}, {"evidence"}, {"+-", Align::right}}};
    for (auto const& line : coverage.exchanges) {
        exchanges.add_row({line.key, percent(line.share), std::string{timing::name_of(line.evidence)},
                           fmt::format("{:.0f} %", 100 * line.sigma)});
    }
    if (!coverage.exchanges.empty()) {
        fmt::print("\n{}", exchanges.text());
    }
    if (coverage.experts.most_loaded > 1.005 * coverage.experts.mean) {
        fmt::print("\nexperts: {} of the chips' time, as on the rank with most rows; {} with the mean of the "
                   "ranks\n",
                   percent(coverage.experts.most_loaded), percent(coverage.experts.mean));
    }
    fmt::print("\nshare: of the time of all chips in a step; +-: relative standard uncertainty.\n");
}

/// The kernels that are not measured, most time first, in the columns of a timing table without the time.
std::string missing_text(Coverage const& coverage) {
    std::string out = "chip,op,dtype,m,n,k,batch,extra,evidence,share\n";
    for (auto const& line : coverage.kernels) {
        auto const& [kernel, duration, source, measured, nearest] = line.evidence;
        if (!measured) {
            out += fmt::format("{},{},{},{},{},{},{},{},{},{:.5f}\n", io::csv_field(line.chip_timing_name),
                               timing::table_op(kernel.op).name, kernel.dtype, kernel.m, kernel.n, kernel.k,
                               kernel.batch, io::csv_field(timing::extra_text(kernel.options)),
                               timing::name_of(duration.evidence), line.share);
        }
    }
    return out;
}

void tell_coverage(Arguments const& arguments) {
    auto const scenario =
        scenario::read_scenario(arguments.scenario, arguments.options.overrides(), data_folder());
    tell_remarks_on(scenario.timings);
    tell_remarks_on(arguments.options.timings);
    auto const timings =
        scenario::load_timings(scenario, data_folder(), arguments.options.timings, !arguments.timings_alone);
    auto const coverage =
        scenario::coverage_of(scenario, timings, data_folder(), arguments.options.calibration);
    if (!arguments.missing.empty()) {
        io::write_text_file(arguments.missing, missing_text(coverage));
    }
    if (arguments.json) {
        print_json(coverage);
    } else {
        print_tables(coverage);
    }
}

} // namespace

void add_timings_coverage(CLI::App& timings) {
    auto* command = timings.add_subcommand(
        "coverage", "What the time of each kernel of a scenario rests on: evidence, nearest measured shapes, "
                    "uncertainty, share of the step");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("scenario", arguments->scenario, "Scenario file")->required();
    add_scenario_options(*command, arguments->options);
    command->add_flag("--timings-alone", arguments->timings_alone, "Without the shipped timings");
    command->add_option("--missing", arguments->missing,
                        "Write the kernels that are not measured here (CSV): what analysis/collect measures");
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "Example: moesaic timings coverage scenarios/tutorial/01-one-node.toml --missing missing.csv\n"
        "         python3 analysis/collect missing.csv -o measured.csv        # on such a chip\n"
        "         moesaic timings coverage scenarios/tutorial/01-one-node.toml --timings measured.csv");
    command->callback([arguments] { tell_coverage(*arguments); });
}

} // namespace moesaic::cli
