#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "cli/command.hpp"
#include "cli/sweep_analysis.hpp"
#include "io/hdf5.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"

#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace moesaic::cli {

namespace {

struct ReportArguments {
    std::vector<std::string> files;
    std::string output;
};

/// NaN (a point that failed) becomes null.
io::Json number_json(double value) { return std::isfinite(value) ? io::Json{value} : io::Json{}; }

io::Json value_json(io::Hdf5Data const& data) {
    auto const list = [](auto const& values, auto each) {
        auto out = io::Json::array();
        for (auto const& value : values) {
            out.add(each(value));
        }
        return out;
    };
    auto const as_is = [](auto const& value) { return io::Json{value}; };
    return std::visit(overloaded{[](double value) { return number_json(value); },
                                 [](std::int64_t value) { return io::Json{value}; },
                                 [](std::string const& value) { return io::Json{value}; },
                                 [&](std::vector<double> const& values) { return list(values, number_json); },
                                 [&](auto const& values) { return list(values, as_is); }},
                      data);
}

/// What `--json` printed, as it is.
io::Json printed_json(std::string const& path) {
    return io::Json::object()
        .set("file", std::filesystem::path{path}.filename().string())
        .set("printed", io::read_json_file(path));
}

/// A whole run file: every dataset by its path, with unit and description; of a sweep also which axes matter.
io::Json file_json(std::string const& path) {
    io::Hdf5Reader const reader{path};
    auto datasets = io::Json::object();
    for (auto const& dataset : reader.datasets()) {
        auto label = reader.label(dataset);
        datasets.set(dataset, io::Json::object()
                                  .set("unit", std::move(label.unit))
                                  .set("description", std::move(label.description))
                                  .set("value", value_json(reader.data(dataset))));
    }
    auto out = io::Json::object();
    out.set("file", std::filesystem::path{path}.filename().string()).set("datasets", std::move(datasets));
    if (reader.has("/sweep/metrics")) {
        out.set("analysis", sweep_analysis_json(path));
    }
    return out;
}

/// JSON that may stand inside a <script> element: no "<" can end it.
std::string for_script(std::string const& json) {
    std::string out;
    for (char const c : json) {
        if (c == '<') {
            out += "\\u003c";
        } else {
            out += c;
        }
    }
    return out;
}

/// The template with each <!--part:NAME--> replaced by `part(NAME)`; what is put in is not searched again.
template <class Part>
std::string filled(std::string const& page, Part part) {
    constexpr std::string_view begin = "<!--part:";
    constexpr std::string_view end = "-->";
    std::string out;
    std::size_t at = 0;
    while (true) {
        auto const mark = page.find(begin, at);
        if (mark == std::string::npos) {
            return out + page.substr(at);
        }
        out += page.substr(at, mark - at);
        auto const name_at = mark + begin.size();
        auto const name_end = page.find(end, name_at);
        expects(name_end != std::string::npos, "a mark of the page's template is closed");
        out += part(page.substr(name_at, name_end - name_at));
        at = name_end + end.size();
    }
}

void report(ReportArguments const& arguments) {
    auto const folder = data_folder() + "/analysis/report/";
    auto const bundle = folder + "vega.bundle.js";
    if (!std::filesystem::exists(bundle)) {
        throw InputError{Origin::whole_file(bundle), "the drawing library of the page is not there",
                         "./dev page fetches it from npm, once"};
    }
    auto files = io::Json::array();
    for (auto const& file : arguments.files) {
        files.add(std::filesystem::path{file}.extension() == ".json" ? printed_json(file) : file_json(file));
    }
    auto const data =
        io::Json::object().set("version", MOESAIC_VERSION).set("files", std::move(files)).line();
    io::write_text_file(arguments.output,
                        filled(io::read_text_file(folder + "template.html"), [&](std::string const& name) {
                            return name == "data" ? for_script(data) : io::read_text_file(folder + name);
                        }));
    fmt::print("{}\n", arguments.output);
}

} // namespace

void add_report_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand(
        "report", "Make one self-contained HTML page of results: plots, tables, evidence, sources");
    auto arguments = std::make_shared<ReportArguments>();
    command
        ->add_option("file", arguments->files,
                     "Run files (run -o), sweeps (sweep -o), or what --json printed: NAME.json")
        ->required();
    command->add_option("-o,--output", arguments->output, "The page")->required();
    command->footer(
        "Example: moesaic run scenarios/tutorial/01-one-node.toml -o run.h5\n"
        "         moesaic report run.h5 -o run.html\n"
        "Of what --json prints, the page draws plans (moesaic plan), chips under the rules of a day or over\n"
        "time (moesaic rules --date, --timeline), studies (moesaic whatif), published against simulated\n"
        "(moesaic reproduce; several files are compared) and clusters (moesaic clusters show):\n"
        "         moesaic rules --timeline --json > rules.json\n"
        "         moesaic report rules.json -o rules.html");
    command->callback([arguments] { report(*arguments); });
}

} // namespace moesaic::cli
