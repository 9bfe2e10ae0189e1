#include "base/errors.hpp"
#include "base/nearest_names.hpp"
#include "base/quantile.hpp"
#include "cli/command.hpp"
#include "cli/timings_parts.hpp"
#include "hardware/catalogue.hpp"
#include "io/csv.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"
#include "io/unit_text.hpp"
#include "timing/kernel_import.hpp"
#include "timing/store.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <memory>

namespace moesaic::cli {

namespace {

using namespace timing;

struct Arguments {
    std::string from;
    std::vector<std::string> files, rules;
    std::string output, chip;
    std::string source = "profile", licence = "own measurement";
    std::string op;
    int ranks = 0, nodes = 0;
    bool json = false;
};

using ReadProfile = void (*)(std::string const&, TakeKernel const&);
struct Format {
    std::string_view name;
    ReadProfile read;
};
constexpr Format profile_formats[] = {{"kineto", read_kineto_trace},
                                      {"nsys", read_nsys_summary},
                                      {"rocprof", read_rocprof_table},
                                      {"msprof", read_msprof_summary},
                                      {"chakra", read_chakra_trace}};

/// The rows that an import writes, with what became of the rest.
struct Imported {
    std::string rows; ///< text without the header
    std::int64_t count = 0;
    std::optional<ImportResult> kernels; ///< of a profile
    std::vector<std::string> warnings;
};

hardware::Chip chip_of(hardware::Catalogue const& catalogue, std::string const& name) {
    auto const ids = catalogue.chip_ids();
    for (auto const& id : ids) {
        auto chip = catalogue.chip(id, {});
        if (is_listed(chip, name)) {
            return chip;
        }
    }
    throw InputError{Origin{"command line", 0, 0, "--chip"},
                     fmt::format("no chip \"{}\" in the catalogue", name), suggestion(name, ids)};
}

std::string row_text(Arguments const& a, std::string_view op, Kernel const& kernel, std::string_view extra,
                     Seconds time) {
    return fmt::format("{},{},{},{},{},{},{},{},{:.6g},{},{}\n", a.chip, op, kernel.dtype, kernel.m, kernel.n,
                       kernel.k, kernel.batch, io::csv_field(extra), time.value() * 1e6,
                       io::csv_field(a.source), io::csv_field(a.licence));
}

Imported import_profile(Arguments const& a, ReadProfile read) {
    KernelRules rules;
    for (auto const& file : a.rules) {
        rules.read(file);
    }
    rules.read(data_folder() + "/platforms/timings/kernel_rules/general.toml");
    KernelImport importer{rules};
    for (auto const& file : a.files) {
        read(file, [&](TracedKernel const& kernel) { importer.add(kernel); });
        importer.next_file();
    }
    Imported out;
    auto result = importer.finish();
    std::int64_t without_time = 0;
    for (auto const& row : result.rows) {
        if (row.time.value() > 0) {
            out.rows += row_text(a, table_op(row.kernel.op).name, row.kernel, row.extra, row.time);
            ++out.count;
        } else {
            ++without_time;
        }
    }
    if (without_time > 0) {
        out.warnings.push_back(fmt::format("{} rows left out: the median of their times is 0", without_time));
    }
    out.kernels = std::move(result);
    return out;
}

/// An option for files that do not say: where they do, the two agree.
template <class Value>
Value agreed(Value const& given, Value const& said, std::string_view option, std::string const& file) {
    if (given == Value{} || said == Value{} || given == said) {
        return given == Value{} ? said : given;
    }
    throw InputError{Origin{"command line", 0, 0, std::string{option}},
                     fmt::format("is {}, but {} says {}", given, file, said),
                     fmt::format("Leave {} out: it is for files that do not say", option)};
}

/// Results of one shape, maybe of several runs or of number formats that the tables do not tell apart.
struct CollectiveTimes {
    std::string op, extra;
    Kernel kernel;
    std::vector<double> seconds;
};
using CollectivesByShape = std::map<std::string, CollectiveTimes>;

void take_collective(Arguments const& a, std::string const& file, CollectiveRow const& row,
                     CollectivesByShape& shapes) {
    auto const op = agreed(a.op, row.op, "--op", file);
    auto const ranks = agreed(a.ranks, row.ranks, "--ranks", file);
    auto const nodes = std::max(agreed(a.nodes, row.nodes, "--nodes", file), 1);
    if (op.empty() || ranks < 2) {
        throw InputError{Origin::whole_file(file),
                         "does not say which collective it is or between how many ranks",
                         "Give --op all_reduce --ranks 8 (and --nodes 2)"};
    }
    // in order of ranks and bytes
    auto& shape = shapes[fmt::format("{} {} {:06} {:06} {:020}", op, row.dtype, nodes, ranks, row.bytes)];
    shape.op = op;
    shape.extra = nodes > 1 ? fmt::format("nodes={}", nodes) : "";
    shape.kernel = {.op = 0, .dtype = row.dtype, .m = row.bytes, .batch = ranks, .options = {}};
    shape.seconds.push_back(row.time.value());
}

Imported import_collectives(Arguments const& a) {
    Imported out;
    CollectivesByShape shapes;
    for (auto const& file : a.files) {
        auto const refused = read_collective_test(
            file, [&](CollectiveRow const& row) { take_collective(a, file, row, shapes); });
        for (auto const& remark : refused) {
            out.warnings.push_back(
                fmt::format("{}: {} lines refused: {}", remark.first.text(), remark.rows, remark.text));
        }
    }
    for (auto const& [key, shape] : shapes) {
        out.rows += row_text(a, shape.op, shape.kernel, shape.extra, Seconds{median(shape.seconds)});
        ++out.count;
    }
    return out;
}

Imported import_tables(Arguments const& a) {
    Imported out;
    for (auto const& file : a.files) {
        auto const report = read_timing_table(file, [&](Measurement const& row) {
            if (row.measurements > 0) {
                throw InputError{Origin{file, row.line, 0, "measurements"},
                                 "is a cell of a condensed grid, not a measurement",
                                 "Give the grid itself to the command that is to use it"};
            }
            auto mine = a;
            mine.chip = a.chip.empty() ? row.chip : a.chip;
            mine.source = row.source;
            mine.licence = row.licence;
            out.rows += row_text(mine, table_op(row.kernel.op).name, row.kernel, row.extra, row.time);
            ++out.count;
        });
        for (auto const& remark : report.refused) {
            out.warnings.push_back(
                fmt::format("{}: {} rows refused: {}", remark.first.text(), remark.rows, remark.text));
        }
    }
    return out;
}

Imported import_files(Arguments& a, hardware::Catalogue const& catalogue) {
    if (!a.chip.empty()) {
        a.chip = chip_of(catalogue, a.chip).id;
    } else if (a.from != "csv") {
        throw InputError{Origin{"command line", 0, 0, "--chip"},
                         "is missing: a profile does not say on which chip exactly",
                         "Give an id of `moesaic chips`: --chip nvidia_h800_sxm5"};
    }
    if (a.from == "csv") {
        return import_tables(a);
    }
    if (a.from == "nccl-tests") {
        return import_collectives(a);
    }
    auto const format = std::ranges::find(profile_formats, a.from, &Format::name);
    expects(format != std::end(profile_formats), "the command line takes known formats alone");
    return import_profile(a, format->read);
}

/// What a run will say of the rows: those that it refuses are told at once.
void check_rows(Imported& imported, std::string const& text, std::string const& name) {
    TimingStore store;
    store.read_catalogue(data_folder() + "/platforms");
    store.parse(text, name);
    for (auto const& remark : store.reports().front().refused) {
        imported.warnings.push_back(
            fmt::format("{}: a run will refuse {} rows: {}", remark.first.text(), remark.rows, remark.text));
    }
}

io::Json json_of(std::vector<ImportShare> const& shares, ImportResult const& result) {
    auto out = io::Json::array();
    for (auto const& share : shares) {
        out.add(io::Json::object()
                    .set("kernel", share.what)
                    .set("calls", share.calls)
                    .set("time_s", share.time.value())
                    .set("share", result.share_of(share.time)));
    }
    return out;
}

void print_json(Arguments const& a, Imported const& imported) {
    auto warnings = io::Json::array();
    for (auto const& warning : imported.warnings) {
        warnings.add(warning);
    }
    auto out = io::Json::object();
    out.set("file", a.output).set("rows", imported.count).set("warnings", std::move(warnings));
    if (auto const& k = imported.kernels) {
        out.set("calls", k->calls).set("time_s", k->time.value());
        out.set("mapped_calls", k->mapped_calls).set("mapped_share", k->share_of(k->mapped_time));
        out.set("ignored", json_of(k->ignored, *k)).set("unmapped", json_of(k->unmapped, *k));
    }
    fmt::print("{}\n", out.text());
}

/// Names come from the profile: a line of them must stay a line, and the terminal as it is.
std::string printable(std::string_view text) {
    std::string out;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        bool const control = byte < 0x20 || byte == 0x7f;
        out += c == '\n' ? "\\n" : control ? fmt::format("\\x{:02x}", byte) : std::string{c};
    }
    return out;
}

void print_shares(char const* title, std::vector<ImportShare> const& shares, ImportResult const& result) {
    constexpr std::size_t most = 12;
    std::int64_t calls = 0;
    Seconds time{0};
    for (auto const& share : shares) {
        calls += share.calls;
        time += share.time;
    }
    fmt::print("{}: {} calls, {:.1f} % of the time\n", title, calls, 100 * result.share_of(time));
    for (std::size_t i = 0; i < std::min(most, shares.size()); ++i) {
        fmt::print("  {:5.1f} %  {:6} x  {}\n", 100 * result.share_of(shares[i].time), shares[i].calls,
                   printable(shares[i].what));
    }
    if (shares.size() > most) {
        fmt::print("  and {} more (all with --json)\n", shares.size() - most);
    }
}

void import_to_file(Arguments a) {
    hardware::Catalogue const catalogue{data_folder() + "/platforms"};
    auto imported = import_files(a, catalogue);
    auto const text = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n" + imported.rows;
    check_rows(imported, text, a.output);
    write_timing_table(a.output, text);
    for (auto const& warning : imported.warnings) {
        fmt::print(stderr, "warning: {}\n", warning);
    }
    if (a.json) {
        print_json(a, imported);
        return;
    }
    fmt::print("{}: {} rows\n", a.output, imported.count);
    if (auto const& k = imported.kernels) {
        fmt::print("kernels: {} calls, {} in all; mapped: {} calls, {:.1f} % of the time\n", k->calls,
                   io::text_of(k->time), k->mapped_calls, 100 * k->share_of(k->mapped_time));
        print_shares("left out by rule", k->ignored, *k);
        print_shares("not mapped", k->unmapped, *k);
    }
}

} // namespace

void add_timings_import(CLI::App& timings) {
    auto* command = timings.add_subcommand("import", "Make a table of kernel timings from what a profiler or "
                                                     "a test of collectives wrote, and say what of it "
                                                     "could not be used");
    auto arguments = std::make_shared<Arguments>();
    command->add_option("--from", arguments->from, "What wrote the files")
        ->required()
        ->check(CLI::IsMember({"kineto", "nsys", "rocprof", "msprof", "chakra", "nccl-tests", "csv"}));
    command->add_option("file", arguments->files, "The files")->required();
    command
        ->add_option("-o,--output", arguments->output, "The table: CSV, or HDF5 where its name ends in .h5")
        ->required();
    command->add_option("--chip", arguments->chip, "On which chip, as `moesaic chips` lists it");
    command->add_option("--rules", arguments->rules, "Rules for kernels (TOML), before the shipped ones")
        ->allow_extra_args(false);
    command->add_option("--source", arguments->source, "Name of the source in the table (default profile)");
    command->add_option("--licence", arguments->licence, "Licence of the rows (default own measurement)");
    command->add_option("--op", arguments->op, "Of a test of collectives that does not say: all_reduce, …")
        ->check(CLI::IsMember(
            {"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_recv", "broadcast"}));
    command->add_option("--ranks", arguments->ranks, "Of a test of collectives that does not say")
        ->check(CLI::PositiveNumber);
    command->add_option("--nodes", arguments->nodes, "Of a test of collectives that does not say")
        ->check(CLI::PositiveNumber);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "kineto      PyTorch profiler, Chrome trace; profile with record_shapes=True\n"
        "nsys        nsys stats --report cuda_gpu_kern_sum --format csv\n"
        "rocprof     results.csv or stats; rocprofv3: kernel_trace.csv or kernel_stats.csv\n"
        "msprof      op_summary_*.csv; torch_npu: kernel_details.csv\n"
        "chakra      execution trace, protobuf\n"
        "nccl-tests  output of nccl-tests, rccl-tests or hccl_test\n"
        "csv         tables of kernel timings: checked and joined\n"
        "Rules: platforms/timings/kernel_rules/general.toml says how to write them.\n"
        "Example: moesaic timings import --from kineto trace.json --chip nvidia_h800_sxm5 -o measured.csv\n"
        "         moesaic run scenarios/tutorial/01-one-node.toml --timings measured.csv");
    command->callback([arguments] { import_to_file(*arguments); });
}

} // namespace moesaic::cli
