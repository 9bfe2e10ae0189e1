#include "base/errors.hpp"
#include "io/csv.hpp"
#include "io/text_file.hpp"
#include "timing/profile.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>
#include <utility>

namespace moesaic::timing {

namespace {

/// A column under the names that versions of a profiler give it; empty where it may be absent.
struct Column {
    std::vector<std::string_view> names;
    bool needed = true;
};

std::string_view trimmed(std::string_view text, std::string_view of) {
    auto const begin = std::min(text.find_first_not_of(of), text.size());
    return text.substr(begin, text.find_last_not_of(of) + 1 - begin);
}
std::string_view without_blanks(std::string_view text) { return trimmed(text, " \t\r"); }
std::string_view without_quotes(std::string_view text) { return trimmed(text, " \t\r\""); }

std::string_view without_blanks_and_lines(std::string_view text) { return trimmed(text, " \t\r\n"); }

/// "1,505,000.0" as some languages write it; anything else stays.
std::string without_thousands(std::string_view text) {
    std::string out;
    auto const whole = text.substr(0, text.find('.'));
    for (std::size_t i = 0; i < whole.size(); ++i) {
        bool const comma = (whole.size() - i) % 4 == 0 && i > 0;
        bool const digit = std::isdigit(static_cast<unsigned char>(whole[i])) != 0;
        if (comma ? whole[i] != ',' : !digit) {
            return std::string{text};
        }
        out += comma ? "" : std::string{whole[i]};
    }
    return out + std::string{text.substr(whole.size())};
}

std::vector<std::string_view> split(std::string_view line, char at) {
    std::vector<std::string_view> out;
    for (std::size_t end = 0; end != std::string_view::npos;) {
        end = line.find(at);
        out.push_back(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    }
    return out;
}

/// A profiler's table, from its header on: lines of talk before it are passed over.
class Table {
  public:
    /// @param marks columns any of which tells the header
    /// @param hint which file it should be
    Table(std::string const& path, std::vector<std::string_view> const& marks, std::string_view hint)
        : path_{path}, hint_{hint} {
        text_ = io::read_bounded_text(path, "Let the profiler sum up by kernel, or profile fewer steps");
        std::string_view rest{text_};
        for (; !rest.empty(); ++first_line_) {
            auto const line = rest.substr(0, rest.find('\n'));
            if (line.size() > io::most_line_bytes) {
                throw InputError{Origin{path, first_line_, 0, {}},
                                 "a line is longer than 1 MiB: it is no table"};
            }
            if (has_any(header_of(line, ','), marks)) {
                header_ = header_of(line, ',');
                body_ = rest;
                return;
            }
            if (has_any(header_of(line, ';'), marks)) {
                throw InputError{Origin{path, first_line_, 0, {}},
                                 "is separated by semicolons, and its numbers may have decimal commas",
                                 "Export it with commas and decimal points (LC_ALL=C)"};
            }
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        }
        throw InputError{Origin::whole_file(path), fmt::format("has no column {}", fmt::join(marks, " or ")),
                         hint_};
    }
    /// The fields of each row in the order of the columns; those of absent columns are empty.
    void read(std::vector<Column> const& columns, std::function<void(io::CsvRow const&)> const& each) const {
        std::vector<std::string> wanted;
        std::vector<int> places;
        for (auto const& column : columns) {
            auto const name = std::ranges::find_if(
                column.names, [&](auto const& n) { return std::ranges::count(header_, n) > 0; });
            if (name == column.names.end() && column.needed) {
                throw InputError{Origin::whole_file(path_),
                                 fmt::format("has no column {}", fmt::join(column.names, " or ")), hint_};
            }
            places.push_back(name == column.names.end() ? -1 : static_cast<int>(wanted.size()));
            if (name != column.names.end()) {
                wanted.emplace_back(*name);
            }
        }
        std::vector<std::string_view> fields(columns.size());
        // msprof ends some fields with a tab, so that spreadsheets leave them alone
        io::parse_csv(
            body_, path_, wanted,
            [&](io::CsvRow const& row) {
                for (std::size_t i = 0; i < fields.size(); ++i) {
                    fields[i] = places[i] < 0
                                    ? std::string_view{}
                                    : without_blanks(row.fields[static_cast<std::size_t>(places[i])]);
                }
                each({fields, row.line});
            },
            first_line_);
    }
    [[nodiscard]] bool has(std::string_view column) const { return std::ranges::count(header_, column) > 0; }
    /// @throws InputError where something follows the table: two reports of different columns cannot be one
    void reject_second_table() const {
        auto rest = body_;
        for (int line = first_line_; !rest.empty(); ++line) {
            auto const text = without_blanks(rest.substr(0, rest.find('\n')));
            if (text.empty() && !without_blanks_and_lines(rest).empty()) {
                throw InputError{Origin{path_, line, 0, {}},
                                 "more follows after an empty line: the file holds more than one report",
                                 "Write each report to a file of its own"};
            }
            rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
        }
    }
    /// @throws InputError where it is no whole number that 64 bits hold
    [[nodiscard]] std::int64_t count(std::string_view field, int line, std::string_view column) const {
        constexpr double most = 9e18;
        auto const value = number(field, line, column);
        if (value > most || value != std::floor(value)) {
            throw InputError{Origin{path_, line, 0, std::string{column}},
                             fmt::format("\"{}\" is no count", without_quotes(field))};
        }
        return static_cast<std::int64_t>(value);
    }
    /// @throws InputError where it is no finite number of 0 or more
    [[nodiscard]] double number(std::string_view field, int line, std::string_view column) const {
        auto const text = without_thousands(without_quotes(field));
        double value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0) {
            throw InputError{Origin{path_, line, 0, std::string{column}},
                             fmt::format("\"{}\" is no time or count", text)};
        }
        return value;
    }

  private:
    static std::vector<std::string> header_of(std::string_view line, char separator) {
        std::vector<std::string> out;
        for (auto const& field : split(line, separator)) {
            out.emplace_back(without_quotes(field));
        }
        return out;
    }
    static bool has_any(std::vector<std::string> const& header, std::vector<std::string_view> const& marks) {
        return std::ranges::any_of(marks,
                                   [&](auto const& mark) { return std::ranges::count(header, mark) > 0; });
    }

    std::string path_, hint_, text_;
    std::string_view body_;
    int first_line_ = 1; ///< of the table: talk may stand before it
    std::vector<std::string> header_;
};

/// A column of times, under any of these names with its unit behind: "Med (ns)".
struct TimeColumn {
    std::string name; ///< empty where there is none
    double unit = 0;  ///< seconds
};
TimeColumn time_column(Table const& table, std::vector<std::string_view> const& names) {
    constexpr std::pair<std::string_view, double> units[] = {
        {"ns", 1e-9},   {"nsec", 1e-9}, {"us", 1e-6},   {"\u00b5s", 1e-6}, {"\u03bcs", 1e-6},
        {"usec", 1e-6}, {"ms", 1e-3},   {"msec", 1e-3}, {"s", 1},          {"sec", 1}};
    for (auto const& name : names) {
        for (auto const& [unit, seconds] : units) {
            auto full = fmt::format("{} ({})", name, unit);
            if (table.has(full)) {
                return {std::move(full), seconds};
            }
        }
        if (table.has(name)) {
            return {std::string{name}, 1e-9}; // before 2021 without its unit
        }
    }
    return {};
}

/// "4096,7168;7168,2112" as CANN writes shapes.
std::vector<ArrayShape> parse_ascend_shapes(std::string_view text) {
    std::vector<ArrayShape> out;
    for (auto const& array : split(without_quotes(text), ';')) {
        auto& shape = out.emplace_back();
        for (auto const& size : split(array, ',')) {
            auto const word = without_quotes(size);
            if (!word.empty() && word != "N/A") {
                shape.push_back(parse_dimension(word));
            }
        }
    }
    return out;
}

/// Phase and name where NVTX ranges stand before the name: "forward:gemm_kernel", but not in "at::native::…".
void split_range(TracedKernel& kernel, std::string_view text) {
    auto const colon = text.find(':');
    bool const range = colon != std::string_view::npos && colon > 0 && text.substr(colon, 2) != "::" &&
                       text.find('(') > colon && text.find('<') > colon;
    kernel.phase = range ? text.substr(0, colon) : std::string_view{};
    kernel.name = range ? text.substr(colon + 1) : text;
}

} // namespace

void read_nsys_summary(std::string const& path, TakeKernel const& each) {
    constexpr std::string_view hint = "Export it by nsys stats --report cuda_gpu_kern_sum --format csv";
    Table const table{path, {"Instances", "Calls"}, hint};
    table.reject_second_table();
    auto const time = time_column(table, {"Med", "Median", "Avg", "Average"});
    auto const total = time_column(table, {"Total Time"});
    if (time.name.empty()) {
        throw InputError{Origin::whole_file(path), "has no column Med (ns), Avg (ns) or Average", hint};
    }
    table.read({{{"Name", "Kernel Name"}}, {{"Instances", "Calls"}}, {{time.name}}, {{total.name}, false}},
               [&](io::CsvRow const& row) {
                   TracedKernel kernel;
                   split_range(kernel, row.fields[0]);
                   kernel.calls = table.count(row.fields[1], row.line, "Instances");
                   kernel.time = Seconds{table.number(row.fields[2], row.line, time.name) * time.unit};
                   if (!row.fields[3].empty()) {
                       kernel.total = Seconds{table.number(row.fields[3], row.line, total.name) * total.unit};
                   }
                   each(kernel);
               });
}

void read_rocprof_table(std::string const& path, TakeKernel const& each) {
    Table const table{
        path,
        {"Calls", "KernelName", "Kernel_Name"},
        "Give rocprof's results.csv or stats, rocprofv3's kernel_trace.csv or kernel_stats.csv"};
    TracedKernel kernel;
    if (table.has("Calls")) {
        table.read({{{"Name"}}, {{"Calls"}}, {{"AverageNs"}}}, [&](io::CsvRow const& row) {
            kernel.name = row.fields[0];
            kernel.calls = table.count(row.fields[1], row.line, "Calls");
            kernel.time = Seconds{table.number(row.fields[2], row.line, "AverageNs") * 1e-9};
            each(kernel);
        });
        return;
    }
    table.read(
        {{{"Kernel_Name", "KernelName"}}, {{"Start_Timestamp", "BeginNs"}}, {{"End_Timestamp", "EndNs"}}},
        [&](io::CsvRow const& row) {
            kernel.name = row.fields[0];
            auto const begin = table.number(row.fields[1], row.line, "begin");
            auto const end = table.number(row.fields[2], row.line, "end");
            if (end < begin) {
                throw InputError{Origin{path, row.line, 0, "end"}, "is before the begin"};
            }
            kernel.launched = kernel.start = begin * 1e-9;
            kernel.time = Seconds{(end - begin) * 1e-9};
            each(kernel);
        });
}

void read_msprof_summary(std::string const& path, TakeKernel const& each) {
    Table const table{path,
                      {"OP Type", "Op Type", "Type"},
                      "Give msprof's op_summary_*.csv or torch_npu's kernel_details.csv"};
    table.read({{{"Op Name", "Name"}},
                {{"OP Type", "Op Type", "Type"}},
                {{"Task Duration(us)", "Duration(us)"}},
                {{"Task Start Time(us)", "Task Start Time", "Start Time(us)"}, false},
                {{"Input Shapes"}, false},
                {{"Input Data Types"}, false},
                {{"Output Shapes"}, false}},
               [&](io::CsvRow const& row) {
                   TracedKernel kernel;
                   kernel.name = row.fields[0];
                   kernel.launched_by = row.fields[1];
                   auto const length = without_quotes(row.fields[2]);
                   kernel.time = length.empty() || length == "N/A"
                                     ? Seconds{std::numeric_limits<double>::quiet_NaN()}
                                     : Seconds{table.number(length, row.line, "Task Duration(us)") * 1e-6};
                   auto const start = without_quotes(row.fields[3]);
                   kernel.start = start.empty() || start == "N/A"
                                      ? 0
                                      : table.number(start, row.line, "Task Start Time(us)") * 1e-6;
                   kernel.launched = kernel.start;
                   kernel.inputs = parse_ascend_shapes(row.fields[4]);
                   kernel.outputs = parse_ascend_shapes(row.fields[6]);
                   for (auto const& type : split(without_quotes(row.fields[5]), ';')) {
                       kernel.input_types.emplace_back(type);
                   }
                   each(kernel);
               });
}

} // namespace moesaic::timing
