#include "base/isolated.hpp"
#include "cli/command.hpp"
#include "cli/reproduce_report.hpp"
#include "cli/scenario_options.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "scenario/run_scenario.hpp"

#include "base/errors.hpp"
#include "base/nearest_names.hpp"
#include "base/overloaded.hpp"
#include "base/parallel_for.hpp"
#include "io/text_file.hpp"
#include "results/reproduction_file.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <tuple>
#include <unistd.h>

namespace moesaic::cli {

namespace {

namespace fs = std::filesystem;
using results::Reproduced;
using scenario::Scenario;

struct ReproduceArguments {
    std::string paper = "all";
    ScenarioOptions options;
    std::string csv;
    std::string output;  ///< HDF5
    std::string records; ///< file of ids, one a line; empty = all
    std::string folder;  ///< of papers; empty = scenarios/papers/
    int workers = 0;
    bool json = false;
    std::vector<std::string> without;
    bool constants = false;
};

struct Known {
    Scenario scenario;
    std::string paper;
};

std::vector<std::string> paper_names(std::string const& folder) {
    std::vector<std::string> out;
    for (auto const& entry : fs::directory_iterator{folder}) {
        if (entry.is_directory()) {
            out.push_back(entry.path().filename().string());
        }
    }
    std::ranges::sort(out);
    return out;
}

/// Ids that a file lists, one a line; none of them = all. `#` begins a comment.
std::set<std::string> chosen_records(std::string const& file) {
    std::set<std::string> out;
    if (!file.empty()) {
        std::istringstream lines{io::read_text_file(file)};
        for (std::string id; lines >> id;) {
            if (id.starts_with('#')) {
                std::getline(lines, id);
            } else {
                out.insert(id);
            }
        }
    }
    return out;
}

/// That of the record, or the name of a scenario that was written by hand.
std::string id_of(scenario::Scenario const& s) {
    return s.published->record.empty() ? s.name : s.published->record;
}

struct PaperFile {
    std::string paper;
    std::string path;
};

/// The scenarios of the papers that are asked for, by paper and file.
std::vector<PaperFile> paper_files(ReproduceArguments const& arguments) {
    auto const folder = arguments.folder.empty() ? data_folder() + "/scenarios/papers" : arguments.folder;
    auto const all = paper_names(folder);
    if (arguments.paper != "all" && !std::ranges::binary_search(all, arguments.paper)) {
        throw InputError{Origin{}, fmt::format("there is no paper \"{}\"", arguments.paper),
                         suggestion(arguments.paper, all)};
    }
    std::vector<PaperFile> out;
    for (auto const& paper : all) {
        if (arguments.paper != "all" && arguments.paper != paper) {
            continue;
        }
        for (auto const& entry : fs::directory_iterator{fs::path{folder} / paper}) {
            if (entry.path().extension() == ".toml") {
                out.push_back({paper, entry.path().string()});
            }
        }
    }
    std::ranges::sort(out, {}, [](PaperFile const& file) { return std::tie(file.paper, file.path); });
    return out;
}

/// What was asked for: runs with a published result, and how many files there are of none or that cannot be read.
struct Published {
    std::vector<Known> known;
    int without_result = 0;
    std::vector<InputError> unreadable;
};

Published read_published(ReproduceArguments const& arguments) {
    auto const overrides = arguments.options.overrides();
    auto const chosen = chosen_records(arguments.records);
    Published out;
    for (auto const& [paper, file] : paper_files(arguments)) {
        try {
            auto scenario = scenario::read_scenario(file, overrides, data_folder());
            bool const is_chosen = chosen.empty() || (scenario.published && chosen.contains(id_of(scenario)));
            if (is_chosen && scenario.published && scenario.published->step_time) {
                out.known.push_back({std::move(scenario), paper});
            } else if (is_chosen) {
                ++out.without_result;
            }
        } catch (InputError const& error) {
            if (chosen.empty() || chosen.contains(std::filesystem::path{file}.stem().string())) {
                out.unreadable.push_back(error);
            }
        }
    }
    if (out.known.empty() &&
        !out.unreadable.empty()) { // most likely what was asked for is wrong, not every file
        throw out.unreadable.front();
    }
    return out;
}

std::vector<std::string> left_out(Published const& published) {
    std::vector<std::string> out;
    std::ranges::transform(published.unreadable, std::back_inserter(out),
                           [](InputError const& error) { return std::string{error.what()}; });
    return out;
}

void tell_left_out(Published const& published, ReproduceArguments const& arguments) {
    constexpr std::size_t shown = 10;
    for (auto const& error : published.unreadable | std::views::take(shown)) {
        fmt::print(stderr, "left out: {}\n", error.what());
    }
    if (published.unreadable.size() > shown) {
        fmt::print(stderr, "{} more scenarios cannot be read and are left out\n",
                   published.unreadable.size() - shown);
    }
    if (published.without_result > 0 && !arguments.folder.empty()) {
        fmt::print(stderr, "{} scenarios have no published step_time or tokens_per_s and are left out\n",
                   published.without_result);
    }
}

Reproduced described(Known const& known) {
    auto const& s = known.scenario;
    auto const& p = *s.published;
    Reproduced out;
    out.id = id_of(s);
    out.paper = known.paper;
    out.group = p.group.empty() ? known.paper : p.group;
    out.source = p.party.empty() ? known.paper : known.paper + ": " + p.party;
    auto const& chip = s.pools.front().cluster.node.chip;
    out.vendor = chip.vendor;
    out.chip = chip.id;
    out.software = s.software;
    out.software_known = s.plan.practice.is_known;
    out.stack = s.plan.practice.stack;
    out.precision = parallel::precision_class(s.plan.kinds.front().stage_groups.front().precision.gemm);
    out.mixture_of_experts = s.model.moe.has_value();
    out.flag = p.flag;
    out.doubt = p.doubt;
    out.published = *p.step_time;
    out.peer = p.peer;
    out.peer_predicts = p.peer_step_time.value_or(Seconds{});
    int chips = 0;
    for (auto const& kind : s.plan.kinds) {
        chips += parallel::chips_of(kind);
    }
    auto const tokens = parallel::tokens_per_step(s.shape).value();
    out.model_flop = parallel::model_flop_per_token(s.model, s.plan, s.shape).value() * tokens / chips;
    return out;
}

bool lacks(ReproduceArguments const& arguments, std::string_view part) {
    return std::ranges::find(arguments.without, part) != arguments.without.end();
}

/// Every communication waits for what comes before it, and holds up what comes after it.
void leave_out_overlap(parallel::Plan& plan) {
    plan.tensor_overlap = parallel::TensorOverlap::none;
    plan.overlap_gradients = plan.overlap_parameters = false;
    plan.overlap_shared_experts = plan.overlap_exchange = false;
    plan.blocking_messages = {plan.schedule};
    std::visit(overloaded{[](parallel::OneFOneB& s) { s.paired = false; },
                          [](parallel::Interleaved& s) { s.paired = false; },
                          [](parallel::DualPipe& s) { s.paired = false; },
                          [](parallel::DualPipeV& s) { s.paired = false; }, [](auto const&) {}},
               plan.schedule);
}

/// First words of the labels of the path ("gemm", "all_to_all"), with their shares of it.
std::map<std::string, double> kinds_of(engine::Timeline const& timeline) {
    std::map<std::string, double> out;
    double all = 0.0;
    for (auto const& share : timeline.path) {
        out[share.label.substr(0, share.label.find(' '))] += share.time.value();
        all += share.time.value();
    }
    for (auto& [kind, share] : out) {
        share /= all;
    }
    return out;
}

/// Classes of number formats, with the shares of the path whose kernels constants stretch.
std::map<std::string, double> stretched_of(engine::Timeline const& timeline) {
    std::map<std::string, double> out;
    for (auto const& [format, time] : timeline.path_stretched) {
        out[std::string{parallel::precision_class(format)}] += time / timeline.step;
    }
    return out;
}

/// Of one line.
std::string text_of(std::map<std::string, double> const& shares) {
    std::string out;
    for (auto const& [name, share] : shares) {
        out += fmt::format("{} {} ", name, share);
    }
    return out;
}

std::map<std::string, double> shares_of(std::string const& text) {
    std::map<std::string, double> out;
    std::istringstream in{text};
    std::string name;
    for (double share = 0; in >> name >> share;) {
        out[name] = share;
    }
    return out;
}

/// What a simulation says, from process to process: numbers, kinds of work, what constants stretch, the plan and what does not fit, a
/// line each; or four empty lines and why there are none.
std::string answer_of(Scenario const& scenario, timing::Timings const& timings,
                      ReproduceArguments const& arguments) {
    try {
        scenario::RunOptions const options{
            .calibrated = !lacks(arguments, "constants"),
            .calibration_file = arguments.options.calibration,
            .sharing = lacks(arguments, "contention") ? engine::Sharing::none : engine::Sharing::simulated,
            .beyond_memory = true};
        auto const run = scenario::run_scenario(scenario, timings, data_folder(), options);
        auto const& m = *run.metrics;
        std::string out = fmt::format("{} {} {}", m.step.value(), m.step_interval.low.value(),
                                      m.step_interval.high.value());
        for (auto const share : m.time_by_evidence) {
            out += fmt::format(" {}", share);
        }
        return fmt::format("{}\n{}\n{}\n{}\n{}\n", out, text_of(kinds_of(run.timeline)),
                           text_of(stretched_of(run.timeline)), run.plan, run.misfit.value_or(""));
    } catch (std::exception const& error) {
        return fmt::format("\n\n\n\n{}", error.what());
    }
}

void take_answer(std::string const& answer, Reproduced& run) {
    std::istringstream lines{answer};
    std::string numbers, kinds, stretched;
    for (auto* line : {&numbers, &kinds, &stretched, &run.plan}) {
        std::getline(lines, *line);
    }
    if (numbers.empty()) {
        std::getline(lines, run.problem, '\0');
        return;
    }
    std::getline(lines, run.misfit);
    std::istringstream in{numbers};
    double step = 0, low = 0, high = 0;
    in >> step >> low >> high;
    for (auto& share : run.time_by_evidence) {
        in >> share;
    }
    expects(!in.fail(), "a simulation answers with seven numbers");
    run.time_by_kind = shares_of(kinds);
    run.stretched = shares_of(stretched);
    run.simulated = Seconds{step};
    run.interval = {Seconds{low}, Seconds{high}};
}

/// Long ones first, so that none is left over at the end.
std::vector<std::size_t> longest_first(std::vector<Known> const& known) {
    std::vector<std::size_t> order(known.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    auto const work = [&](std::size_t i) {
        auto const& s = known[i].scenario;
        auto const& kind = s.plan.kinds.front();
        return static_cast<double>(s.model.layers) * kind.micro_batches.value_or(1) *
               (kind.stage_groups.front().tensor > 1 ? 2 : 1);
    };
    std::ranges::stable_sort(order, std::greater{}, work);
    return order;
}

/// Every answer is analytic.
timing::Timings without_tables() {
    timing::Timings out;
    out.read_catalogue(data_folder() + "/platforms");
    return out;
}

std::vector<Reproduced> reproduce(std::vector<Known> known, ReproduceArguments const& arguments) {
    if (known.empty()) {
        throw InputError{
            Origin{}, fmt::format("\"{}\" has no scenario with a published step_time or tokens_per_s{}",
                                  arguments.paper,
                                  arguments.records.empty() ? "" : " that " + arguments.records + " lists")};
    }
    std::vector<Reproduced> out;
    std::ranges::transform(known, std::back_inserter(out), described);
    if (lacks(arguments, "overlap")) {
        std::ranges::for_each(known, [](Known& k) { leave_out_overlap(k.scenario.plan); });
    }
    if (lacks(arguments, "spread")) {
        std::ranges::for_each(known, [](Known& k) { k.scenario.plan.chips_alike = true; });
    }
    auto const timings = lacks(arguments, "timings")
                             ? without_tables()
                             : scenario::load_timings({}, data_folder(), arguments.options.timings);
    tell_remarks(timings.reports());
    auto const order = longest_first(known);
    std::vector<std::function<std::string()>> jobs;
    for (auto const i : order) {
        jobs.emplace_back([&, i] { return answer_of(known[i].scenario, timings, arguments); });
    }
    auto const workers = workers_or_cores(arguments.workers);
    bool const shows = ::isatty(STDERR_FILENO) != 0;
    auto const answers = run_isolated(jobs, workers, [&](std::size_t done) {
        if (shows) {
            fmt::print(stderr, "\r{} of {}", done, jobs.size());
        }
    });
    if (shows) {
        fmt::print(stderr, "\r              \r");
    }
    for (std::size_t k = 0; k < order.size(); ++k) {
        take_answer(answers[k], out[order[k]]);
    }
    return out;
}

void print_constants(ReproduceArguments const& arguments) {
    auto const calibration = scenario::load_calibration(data_folder(), arguments.options.calibration);
    using enum TextTable::Align;
    TextTable table{{{"constant", left},
                     {"chips", left},
                     {"precision", left},
                     {"software", left},
                     {"factor", right},
                     {"runs", right},
                     {"origin", left}}};
    for (auto const& c : calibration.constants) {
        table.add_row({c.name, fmt::format("{}", fmt::join(c.chips, " ")), c.precision,
                       c.stack.empty() ? "any" : c.stack, fmt::format("{:.3f}", c.factor),
                       fmt::format("{}", c.records.size()), c.origin});
    }
    fmt::print(
        "{}\nfactor: how many times longer products and attention kernels take in such a run than timed "
        "alone\n"
        "model error of ln(step), standard deviation beyond the timings': {:.3f} where a constant was learnt "
        "on runs, "
        "{:.3f} elsewhere; with experts {:.3f} and {:.3f}; at least {:.3f} where the software that ran is "
        "not "
        "described\nfound by analysis/calibrate.py, which prints what they are worth on sources left out\n",
        table.text(), calibration.dense.calibrated, calibration.dense.otherwise,
        calibration.experts.calibrated, calibration.experts.otherwise, calibration.unknown_software);
}

void run(ReproduceArguments const& arguments, Outcome& outcome) {
    if (arguments.constants) {
        print_constants(arguments);
        return;
    }
    auto const begin = std::chrono::steady_clock::now();
    auto published = read_published(arguments);
    tell_left_out(published, arguments);
    auto const runs = reproduce(std::move(published.known), arguments);
    outcome.partly_failed = !published.unreadable.empty() ||
                            std::ranges::any_of(runs, [](auto const& r) { return !r.problem.empty(); });
    if (!arguments.csv.empty()) {
        io::write_text_file(arguments.csv, reproduction_csv(runs));
    }
    if (!arguments.output.empty()) {
        results::write_reproduction(arguments.output, runs, MOESAIC_VERSION);
    }
    fmt::print("{}{}",
               arguments.json ? reproduction_json(runs, left_out(published)).text() : reproduction_text(runs),
               arguments.json ? "\n" : "");
    auto const wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fmt::print(stderr, "{} runs in {:.1f} s\n", runs.size(), wall);
}

} // namespace

void add_reproduce_command(CLI::App& app, Outcome& outcome) {
    auto* command =
        app.add_subcommand("reproduce", "Simulate published runs and compare: errors, intervals, groups");
    auto arguments = std::make_shared<ReproduceArguments>();
    command->add_option("paper", arguments->paper, "Folder of scenarios/papers/, or all")
        ->capture_default_str();
    add_scenario_options(*command, arguments->options);
    command
        ->add_option("-j,--workers", arguments->workers, "Runs simulated at a time (default: one per core)")
        ->check(CLI::PositiveNumber);
    command->add_option("-o,--output", arguments->output, "Write an HDF5 file with units besides");
    command
        ->add_option("--records", arguments->records,
                     "Only records whose ids this file lists, one a line (# begins a comment)")
        ->check(CLI::ExistingFile);
    command->add_option("--csv", arguments->csv, "Write a line per run to this file besides");
    command
        ->add_option(
            "--without", arguments->without,
            "Leave a part of the model out: constants (kernels as they were timed alone), timings (roofline "
            "only), contention (links are not shared), overlap (no communication beside kernels), spread "
            "(chips of one kind are alike)")
        ->check(CLI::IsMember({"constants", "timings", "contention", "overlap", "spread"}))
        ->allow_extra_args(false);
    command
        ->add_option("--folder", arguments->folder,
                     "Scenarios of papers from here (FOLDER/PAPER/RECORD.toml) instead of the shipped ones")
        ->check(CLI::ExistingDirectory);
    command->add_flag("--constants", arguments->constants,
                      "List the constants with their origin, simulate nothing");
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "Examples: moesaic reproduce megatron_sc21 --csv errors.csv\n"
        "          moesaic reproduce all --without contention\n"
        "Records of your own (fields of published_runs.yaml): analysis/make_paper_scenarios.py RECORDS.yaml "
        "FOLDER, then\n          moesaic reproduce all --folder FOLDER --json");
    command->callback([arguments, &outcome] { run(*arguments, outcome); });
}

} // namespace moesaic::cli
