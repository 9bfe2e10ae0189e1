#include "base/isolated.hpp"
#include "cli/command.hpp"
#include "cli/training_report.hpp"
#include "cli/whatif_report.hpp"
#include "io/text_file.hpp"
#include "scenario/run_scenario.hpp"
#include "scenario/study.hpp"

#include <fmt/format.h>
#include <map>
#include <memory>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace moesaic::cli {

namespace {

struct Arguments {
    std::string study;
    std::string csv;
    std::string plot;
    std::vector<std::string> timings;
    int workers = 0;
    bool all = false;
    bool json = false;
};

/// What a simulation of a study tells the process that started it.
struct Simulated {
    std::string misfit; ///< why there is no training
    std::string plan;
    results::TrainingTime training;
};

/// One line per figure, tab between name and values.
std::string text_of(Simulated const& s) {
    auto out = fmt::format("misfit\t{}\nplan\t{}\nundisturbed\t{}\n", s.misfit, s.plan,
                           s.training.undisturbed.value());
    for (auto const& phase : s.training.phases) {
        out += fmt::format("phase\t{}\t{}\t{}\n", phase.global_batch, phase.steps, phase.step.value());
    }
    if (auto const& played = s.training.played) {
        out += fmt::format("played\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", played->wall.value(), played->failures,
                           played->checkpoints, played->lost.value(), played->saving.value(),
                           played->recovering.value(), played->without_nodes.value());
    }
    for (auto const& [key, sigma] : s.training.step_errors) {
        out += fmt::format("error\t{}\t{}\n", key, sigma);
    }
    for (auto const& [chip, busy] : s.training.busy_chips) {
        out += fmt::format("busy\t{}\t{}\n", chip, busy);
    }
    return out;
}

std::vector<std::string> parts_of(std::string const& line) {
    std::vector<std::string> out(1);
    for (char const c : line) {
        if (c == '\t') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

Simulated simulated_of(std::string const& text) {
    Simulated out;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        auto const parts = parts_of(line);
        auto const number = [&](std::size_t at) { return std::stod(parts.at(at)); };
        auto const seconds = [&](std::size_t at) { return Seconds{number(at)}; };
        auto const count = [&](std::size_t at) { return std::int64_t{std::stoll(parts.at(at))}; };
        auto const& what = parts.front();
        if (what == "misfit") {
            out.misfit = parts.at(1);
        } else if (what == "plan") {
            out.plan = parts.at(1);
        } else if (what == "undisturbed") {
            out.training.undisturbed = seconds(1);
        } else if (what == "phase") {
            out.training.phases.push_back({count(1), number(2), seconds(3)});
        } else if (what == "played") {
            out.training.played = economics::RunThrough{.wall = seconds(1),
                                                        .failures = count(2),
                                                        .checkpoints = count(3),
                                                        .lost = seconds(4),
                                                        .saving = seconds(5),
                                                        .recovering = seconds(6),
                                                        .without_nodes = seconds(7)};
        } else if (what == "error") {
            out.training.step_errors[parts.at(1)] = number(2);
        } else if (what == "busy") {
            out.training.busy_chips[parts.at(1)] = number(2);
        }
    }
    return out;
}

/// @param shared the timings of scenarios without tables of their own
Simulated simulate(scenario::Scenario s, timing::Timings const& shared, Arguments const& arguments) {
    s.economics.reset(); // priced afterwards, once for each case
    s.price_book.clear();
    auto const run = s.timings.empty()
                         ? scenario::run_scenario(s, shared, data_folder(), {})
                         : scenario::run_scenario(s, data_folder(), {.timings = arguments.timings});
    return {run.misfit.value_or(""), run.short_plan, run.training.value_or(results::TrainingTime{})};
}

/// Every training that the options need, once, each in a process of its own.
std::map<std::string, Simulated> simulate_all(std::vector<scenario::StudyOption> const& options,
                                              Arguments const& arguments) {
    std::map<std::string, scenario::Scenario const*> needed;
    for (auto const& option : options) {
        if (option.scenario) {
            needed.emplace(simulation_key(*option.scenario), &*option.scenario);
        }
    }
    std::map<std::string, Simulated> out;
    if (needed.empty()) {
        return out;
    }
    auto const timings = scenario::load_timings({}, data_folder(), arguments.timings);
    std::vector<std::function<std::string()>> jobs;
    for (auto const& [key, one] : needed) {
        jobs.emplace_back([&, scenario = one] { return text_of(simulate(*scenario, timings, arguments)); });
    }
    auto const workers = arguments.workers > 0
                             ? arguments.workers
                             : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    bool const shows_progress = ::isatty(STDERR_FILENO) != 0;
    auto const texts = run_isolated(jobs, workers, [&](std::size_t done) {
        if (shows_progress) {
            fmt::print(stderr, "\r{} of {} trainings{}", done, jobs.size(),
                       done == jobs.size() ? "\r\x1b[K" : "");
            std::fflush(stderr);
        }
    });
    auto text = texts.begin();
    for (auto const& [key, one] : needed) {
        out.emplace(key, simulated_of(*text++));
    }
    return out;
}

void price(scenario::StudyOption& option, scenario::Study const& study, Simulated const& simulated) {
    option.plan = simulated.plan;
    if (!simulated.misfit.empty()) {
        option.refused = simulated.misfit;
        return;
    }
    option.training = simulated.training;
    price_option(option, study, data_folder());
    if (option.spending->over_budget()) {
        option.refused = over_budget_text(*option.spending);
    }
}

void run_whatif(Arguments const& arguments) {
    auto const study = scenario::read_study(arguments.study);
    auto options = scenario::options_of(study, data_folder());
    auto const simulated = simulate_all(options, arguments);
    for (auto& option : options) {
        if (option.scenario) {
            price(option, study, simulated.at(simulation_key(*option.scenario)));
        }
    }
    if (!arguments.csv.empty()) {
        io::write_text_file(arguments.csv, study_csv(study, options));
        fmt::print(stderr, "wrote {}\n", arguments.csv);
    }
    if (!arguments.plot.empty()) {
        io::write_text_file(arguments.plot, study_plot(study, options).text() + "\n");
        fmt::print(stderr, "wrote {}\n", arguments.plot);
    }
    fmt::print("{}", arguments.json ? study_json(study, options).text() + "\n"
                                    : study_text(study, options, arguments.all));
}

} // namespace

void add_whatif_command(CLI::App& app, Outcome&) {
    auto const arguments = std::make_shared<Arguments>();
    auto* const command = app.add_subcommand(
        "whatif",
        "A study: the same training under other rules, supplies and prices, each time the best plan");
    command->description(
        "For each case of the study: which of its plans the rules, the fleet and the budget allow, the "
        "cheapest and the\n"
        "fastest of them with cost, days, energy and chips, and the difference to the baseline. Intervals "
        "hold the\n"
        "errors of the timings and sources that disagree; what two plans share cancels in their difference.\n"
        "Example: moesaic whatif scenarios/whatif/deepseek_v3_april_2025.toml --csv answers.csv");
    command->add_option("study", arguments->study, "Study file, see docs/whatif.md")->required();
    command->add_flag("--all", arguments->all, "Every plan that can be done, not only the best");
    command->add_option("--csv", arguments->csv, "Write every plan in every case into this file");
    command->add_option("--plot", arguments->plot,
                        "Write a Vega-Lite specification with its data into this file");
    command
        ->add_option("--timings", arguments->timings,
                     "Measured kernel timings: a table or a folder of tables, on top of the shipped ones")
        ->allow_extra_args(false);
    command
        ->add_option("-j,--workers", arguments->workers,
                     "Trainings simulated at a time (default: one per core)")
        ->check(CLI::PositiveNumber);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->callback([=] { run_whatif(*arguments); });
}

} // namespace moesaic::cli
