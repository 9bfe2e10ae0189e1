#include "base/overloaded.hpp"
#include "cli/command.hpp"
#include "io/csv.hpp"
#include "io/text_file.hpp"
#include "sweep/result_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>

namespace moesaic::cli {

namespace {

struct ExportArguments {
    std::string result;
    std::string csv;
    bool failures = false;
};

/// "nic [GB/s]"; the name alone for words and pure numbers.
std::string heading(io::Hdf5Column const& column) {
    auto const& unit = column.label.unit;
    return unit == "1" || unit == "text" ? column.name : fmt::format("{} [{}]", column.name, unit);
}

/// Numbers as short as they read back exactly; nothing for NaN.
std::string field(io::Hdf5ColumnData const& data, std::size_t row) {
    return std::visit(overloaded{[&](std::vector<double> const& values) {
                                     return std::isnan(values[row]) ? "" : fmt::format("{}", values[row]);
                                 },
                                 [&](auto const& values) { return fmt::format("{}", values[row]); }},
                      data);
}

void write_csv(std::vector<io::Hdf5Column> const& columns,
               std::function<void(std::string const&)> const& write) {
    auto const write_row = [&](auto const& text_of) {
        std::vector<std::string> fields;
        std::ranges::transform(columns, std::back_inserter(fields), text_of);
        write(io::csv_line(fields));
    };
    write_row(heading);
    auto const rows = std::visit([](auto const& values) { return values.size(); }, columns.front().data);
    for (std::size_t row = 0; row < rows; ++row) {
        write_row([row](io::Hdf5Column const& column) { return field(column.data, row); });
    }
}

void run(ExportArguments const& arguments) {
    sweep::ResultFile const file{arguments.result};
    auto const columns = arguments.failures ? file.read_failures() : file.read_points();
    if (arguments.csv == "-") {
        write_csv(columns, [](std::string const& line) { fmt::print("{}", line); });
        return;
    }
    io::TextFileWriter writer{arguments.csv};
    write_csv(columns, [&](std::string const& line) { writer.write(line); });
    writer.commit();
}

} // namespace

void add_export_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand("export", "Write the table of a sweep's result as CSV");
    auto arguments = std::make_shared<ExportArguments>();
    command->add_option("result", arguments->result, "Result file of a sweep")->required();
    command->add_option("--csv", arguments->csv, "File to write; - for stdout")->required();
    command->add_flag("--failures", arguments->failures,
                      "The points that failed and why, instead of the others");
    command->footer("Example: moesaic export nic.h5 --csv nic.csv\n"
                    "A row per point, a column per axis and metric, units in the heading: step_time_s [s].");
    command->callback([arguments] { run(*arguments); });
}

} // namespace moesaic::cli
