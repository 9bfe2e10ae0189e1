#include "base/errors.hpp"
#include "cli/command.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "cli/timings_parts.hpp"
#include "hardware/catalogue.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"
#include "timing/accuracy.hpp"
#include "timing/condense.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <set>

namespace moesaic::cli {

namespace {

using namespace timing;

struct Arguments {
    std::vector<std::string> files;
    std::vector<std::string> timings;
    std::vector<std::string> chips;
    std::string output;
    std::uint64_t seed = 1;
    bool timings_alone = false;
    bool split = false;
    bool transfer = false;
    bool json = false;
};

/// @param shipped whether the tables that come with the program are among them
std::unique_ptr<TimingStore> load_store(std::vector<std::string> const& paths, bool shipped,
                                        std::function<bool(Measurement const&)> const& keep = {}) {
    auto store = std::make_unique<TimingStore>();
    store->read_catalogue(data_folder() + "/platforms");
    if (shipped) {
        for (auto const& table : tables_at(data_folder() + "/platforms/timings")) {
            store->load(table);
        }
    }
    for (auto const& path : paths) {
        for (auto const& table : tables_at(path)) {
            store->load(table, keep);
        }
    }
    return store;
}

struct Holding {
    std::int64_t rows = 0, cells = 0;
    std::set<std::string> sources;
};

std::map<std::tuple<std::string, std::string, std::string>, Holding> holdings_of(TimingStore const& store) {
    std::map<std::tuple<std::string, std::string, std::string>, Holding> out;
    for (auto const& stored : store.all()) {
        if (stored.samples.empty()) {
            continue;
        }
        auto& holding = out[{stored.chip, std::string{table_op(stored.op).name}, stored.dtype}];
        (stored.condensed ? holding.cells : holding.rows) += static_cast<std::int64_t>(stored.samples.size());
        holding.sources.insert(fmt::format("{} ({})", stored.source, stored.licence));
    }
    return out;
}

std::string joined(std::set<std::string> const& names) {
    std::string out;
    for (auto const& name : names) {
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
}

void list(Arguments const& arguments) {
    auto const store = load_store(arguments.files, true);
    tell_remarks(store->reports());
    auto const holdings = holdings_of(*store);
    if (arguments.json) {
        auto tables = io::Json::array(), series = io::Json::array();
        for (auto const& report : store->reports()) {
            std::int64_t refused = 0;
            for (auto const& remark : report.refused) {
                refused += remark.rows;
            }
            tables.add(io::Json::object()
                           .set("file", report.file)
                           .set("rows", report.rows)
                           .set("rows_refused", refused));
        }
        for (auto const& [key, holding] : holdings) {
            auto sources = io::Json::array();
            for (auto const& source : holding.sources) {
                sources.add(source);
            }
            auto const chip = store->chip_named(std::get<0>(key));
            series.add(io::Json::object()
                           .set("chip", std::get<0>(key))
                           .set("chip_id", chip != nullptr ? io::Json{chip->id} : io::Json{})
                           .set("op", std::get<1>(key))
                           .set("dtype", std::get<2>(key))
                           .set("rows", holding.rows)
                           .set("grid_cells", holding.cells)
                           .set("sources", std::move(sources)));
        }
        fmt::print(
            "{}\n",
            io::Json::object().set("tables", std::move(tables)).set("series", std::move(series)).text());
        return;
    }
    using Align = TextTable::Align;
    TextTable table{
        {{"chip"}, {"op"}, {"dtype"}, {"rows", Align::right}, {"grid cells", Align::right}, {"sources"}}};
    for (auto const& [key, holding] : holdings) {
        table.add_row({std::get<0>(key), std::get<1>(key), std::get<2>(key), fmt::format("{}", holding.rows),
                       fmt::format("{}", holding.cells), joined(holding.sources)});
    }
    fmt::print("{}", table.text());
}

io::Json json_of(AccuracyGroup const& group) {
    return io::Json::object()
        .set("op", group.op)
        .set("dtype", group.dtype.empty() ? "all" : group.dtype)
        .set("chip", group.chip.empty() ? "all" : group.chip)
        .set("rows", group.rows)
        .set("median_abs_error", group.median_abs_error)
        .set("p90_abs_error", group.p90_abs_error)
        .set("interval_80_coverage", group.interval_80_coverage);
}

void print_report(AccuracyReport const& report, bool json) {
    if (json) {
        auto groups = io::Json::array(), by_op = io::Json::array();
        for (auto const& group : report.groups) {
            groups.add(json_of(group));
        }
        for (auto const& group : report.by_op) {
            by_op.add(json_of(group));
        }
        fmt::print("{}\n", io::Json::object()
                               .set("groups", std::move(groups))
                               .set("by_op", std::move(by_op))
                               .set("rows_unpredicted", report.unpredicted)
                               .set("rows_given", report.given)
                               .text());
        return;
    }
    using Align = TextTable::Align;
    TextTable table{{{"op"},
                     {"dtype"},
                     {"chip"},
                     {"rows", Align::right},
                     {"median error", Align::right},
                     {"90 % below", Align::right},
                     {"in 80 % interval", Align::right}}};
    auto const add = [&](AccuracyGroup const& group) {
        table.add_row({group.op, group.dtype, group.chip.empty() ? "all" : group.chip,
                       fmt::format("{}", group.rows), fmt::format("{:.1f} %", 100 * group.median_abs_error),
                       fmt::format("{:.1f} %", 100 * group.p90_abs_error),
                       fmt::format("{:.0f} %", 100 * group.interval_80_coverage)});
    };
    std::ranges::for_each(report.groups, add);
    std::ranges::for_each(report.by_op, add);
    fmt::print("{}\nError: |predicted / measured - 1|.{}\n", table.text(),
               report.unpredicted > 0
                   ? fmt::format(" {} rows have nothing comparable in the tables.", report.unpredicted)
                   : "");
    if (report.given > 0) {
        fmt::print(
            "{} rows are of shapes that the tables hold as measured: their errors say nothing of others.\n",
            report.given);
    }
}

AccuracyReport check_split(Arguments const& arguments) {
    std::vector<Measurement> held_out;
    // grids are made from all rows: they would know the shapes that are held out
    auto const store = load_store(arguments.files, false, [&](Measurement const& row) {
        if (is_held_out(row, arguments.seed)) {
            held_out.push_back(row);
            return false;
        }
        return true;
    });
    tell_remarks(store->reports());
    return check_rows(Estimator{*store}, held_out);
}

/// The rows to predict, without those that cannot be.
std::vector<Measurement> rows_to_predict(std::vector<std::string> const& paths, TimingStore const& store) {
    std::vector<Measurement> rows;
    std::vector<TableReport> reports;
    for (auto const& path : paths) {
        for (auto const& table : tables_at(path)) {
            std::vector<Remark> refused, noticed;
            reports.push_back(read_timing_table(table, [&](Measurement const& row) {
                auto const chip = store.chip_named(row.chip);
                if (chip == nullptr) {
                    count(noticed, fmt::format("chip \"{}\" is not in the catalogue", row.chip),
                          Origin{table, row.line, 0, "chip"});
                }
                auto const reason =
                    chip != nullptr ? why_refused(*chip, row.kernel, row.time) : std::string{};
                if (reason.empty()) {
                    rows.push_back(row);
                    rows.back().chip = store.name_of_rows(row.chip);
                } else {
                    count(refused, fmt::format("{} of {}", reason, row.chip),
                          Origin{table, row.line, 0, "time_us"});
                }
            }));
            auto& report = reports.back();
            report.refused.insert(report.refused.end(), refused.begin(), refused.end());
            report.noticed.insert(report.noticed.end(), noticed.begin(), noticed.end());
        }
    }
    tell_remarks(reports);
    return rows;
}

AccuracyReport check_files(Arguments const& arguments) {
    auto const store = load_store(arguments.timings, !arguments.timings_alone);
    tell_remarks(store->reports());
    return check_rows(Estimator{*store}, rows_to_predict(arguments.files, *store));
}

AccuracyReport check_transfer(Arguments const& arguments) {
    auto const store = load_store(arguments.files, false);
    tell_remarks(store->reports());
    return check_transfers(Estimator{*store});
}

void check(Arguments const& arguments) {
    auto const report = arguments.split      ? check_split(arguments)
                        : arguments.transfer ? check_transfer(arguments)
                                             : check_files(arguments);
    if (report.groups.empty()) {
        std::string const hint =
            arguments.transfer ? "Give rows as they were measured, of several chips: a cell of a condensed "
                                 "grid is no such row"
            : report.unpredicted > 0
                ? fmt::format("rows with nothing comparable in the tables: {}", report.unpredicted)
                : "";
        throw InputError{Origin{arguments.files.front(), 0, 0, ""}, "no row here can be compared", hint};
    }
    print_report(report, arguments.json);
}

void condense_to_files(Arguments const& arguments) {
    auto const store = load_store(arguments.files, false);
    tell_remarks(store->reports());
    hardware::Catalogue const catalogue{data_folder() + "/platforms"};
    auto const ids = arguments.chips.empty() ? catalogue.chip_ids() : arguments.chips;
    std::filesystem::create_directories(arguments.output);
    auto written = io::Json::array();
    for (auto const& id : ids) {
        auto const text =
            timing::condense(*store, catalogue.chip(id, Origin{"command line", 0, 0, "--chip"}));
        if (text.empty()) {
            fmt::print(stderr, "note: no rows of {} to condense\n", id);
            continue;
        }
        auto const path = fmt::format("{}/{}.csv", arguments.output, id);
        io::write_text_file(path, text);
        auto const lines = std::ranges::count(text, '\n');
        written.add(io::Json::object()
                        .set("file", path)
                        .set("bytes", text.size())
                        .set("lines", static_cast<std::int64_t>(lines)));
        if (!arguments.json) {
            fmt::print("{}: {} lines, {:.0f} kB\n", path, lines, static_cast<double>(text.size()) / 1000);
        }
    }
    if (arguments.json) {
        fmt::print("{}\n", io::Json::object().set("files", std::move(written)).text());
    }
}

void add_list(CLI::App& timings) {
    auto* command =
        timings.add_subcommand("list", "Which timings are at hand, by chip, operation and format");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->files, "Tables or folders of tables, on top of the shipped ones");
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer("Example: moesaic timings list ../shared/timings");
    command->callback([arguments] { list(*arguments); });
}

void add_check(CLI::App& timings) {
    auto* command = timings.add_subcommand(
        "check",
        "Predict measured rows that the tables do not hold, and print the errors and whether the stated "
        "intervals hold them");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->files, "The rows to predict: tables or folders of tables")
        ->required();
    command
        ->add_option("--timings", arguments->timings,
                     "Predict from these tables or folders, on top of the shipped ones")
        ->allow_extra_args(false);
    command->add_flag("--timings-alone", arguments->timings_alone,
                      "Without the shipped tables, whose grids are condensed from the public sets: they know "
                      "rows of these");
    auto* split =
        command->add_flag("--split", arguments->split,
                          "Hold out a fifth of the shapes of the files and predict them from the rest alone");
    command->add_option("--seed", arguments->seed, "Which fifth (default 1)")->needs(split);
    command
        ->add_flag("--transfer", arguments->transfer,
                   "Predict every chip's rows from the other chips of the files alone")
        ->excludes(split);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer("Example: moesaic timings check held_out.csv --timings measured/\n"
                    "         moesaic timings check --split measured/");
    command->callback([arguments] { check(*arguments); });
}

void add_condense(CLI::App& timings) {
    auto* command = timings.add_subcommand(
        "condense",
        "Make the small grids that a run uses by default from tables of measured rows, one file per chip");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("file", arguments->files, "Tables or folders of tables")->required();
    command->add_option("-o,--output", arguments->output, "The folder to write to")->required();
    command->add_option("--chip", arguments->chips, "Only these chips (ids as in `moesaic chips`)")
        ->allow_extra_args(false);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer("Example: moesaic timings condense measured/ -o platforms/timings");
    command->callback([arguments] { condense_to_files(*arguments); });
}

} // namespace

void add_timings_command(CLI::App& app, Outcome&) {
    auto* timings = app.add_subcommand(
        "timings",
        "Measured kernel timings: list them, test what is made of them, see what a scenario lacks");
    timings->require_subcommand(1);
    add_list(*timings);
    add_check(*timings);
    add_condense(*timings);
    add_timings_coverage(*timings);
    add_timings_import(*timings);
}

} // namespace moesaic::cli
