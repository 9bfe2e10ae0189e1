#include "base/calendar.hpp"
#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "base/parallel_for.hpp"
#include "cli/command.hpp"
#include "cli/scenario_options.hpp"
#include "cli/timing_remarks.hpp"
#include "cli/training_report.hpp"
#include "cli/whatif_report.hpp"
#include "cli/whatif_search.hpp"
#include "io/text_file.hpp"
#include "scenario/run_scenario.hpp"
#include "scenario/study.hpp"

#include <fmt/format.h>
#include <map>
#include <memory>
#include <sstream>
#include <unistd.h>

namespace moesaic::cli {

namespace {

struct Arguments {
    std::string study;
    std::string csv;
    std::string plot;
    std::vector<std::string> timings;
    std::string calibration;
    int workers = 0;
    int effort = 1;
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

/// What every training of the study is bounded and simulated with.
class Basis {
  public:
    explicit Basis(Arguments const& asked)
        : arguments_{asked}, calibration_{scenario::load_calibration(data_folder(), asked.calibration)} {}

    /// With the scenario's own tables. Read once: processes that are started later have them in memory.
    [[nodiscard]] timing::Timings const& timings_of(scenario::Scenario const& s) {
        auto const known = timings_.find(s.timings);
        return known != timings_.end()
                   ? known->second
                   : timings_.emplace(s.timings, scenario::load_timings(s, data_folder(), arguments_.timings))
                         .first->second;
    }
    [[nodiscard]] results::Run run(scenario::Scenario const& s) {
        scenario::RunOptions const options{.timings = arguments_.timings,
                                           .calibration_file = arguments_.calibration};
        return scenario::run_scenario(s, timings_of(s), data_folder(), options);
    }
    [[nodiscard]] parallel::Calibration const& calibration() const { return calibration_; }
    [[nodiscard]] int effort() const { return arguments_.effort; }
    [[nodiscard]] int workers() const { return workers_or_cores(arguments_.workers); }

  private:
    Arguments const& arguments_;
    parallel::Calibration calibration_;
    std::map<std::vector<std::string>, timing::Timings> timings_; ///< by the files of a scenario
};

Simulated simulate(scenario::Scenario s, Basis& basis) {
    s.economics.reset(); // priced afterwards, once for each case
    s.price_book.clear();
    auto const run = basis.run(s);
    return {run.misfit.value_or(""), run.short_plan, run.training.value_or(results::TrainingTime{})};
}

/// A line on a terminal that the next one takes the place of.
void show(std::string const& progress) {
    if (::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\r\x1b[K{}", progress);
        std::fflush(stderr);
    }
}

/// Every training that the options need, once, each in a process of its own.
std::map<std::string, Simulated> simulate_all(std::vector<scenario::StudyOption> const& options,
                                              Basis& basis) {
    std::map<std::string, scenario::Scenario const*> needed;
    for (auto const& option : options) {
        if (option.scenario) {
            needed.emplace(simulation_key(option), &*option.scenario);
        }
    }
    std::vector<std::function<std::string()>> jobs;
    for (auto const& [key, one] : needed) {
        (void)basis.timings_of(*one);
        jobs.emplace_back([&, scenario = one] { return text_of(simulate(*scenario, basis)); });
    }
    auto const texts = run_isolated(jobs, basis.workers(), [&](std::size_t done) {
        show(done == jobs.size() ? "" : fmt::format("{} of {} trainings", done, jobs.size()));
    });
    std::map<std::string, Simulated> out;
    auto text = texts.begin();
    for (auto const& [key, one] : needed) {
        out.emplace(key, simulated_of(*text++));
    }
    return out;
}

/// The step of a plan that a search has found to fit.
Seconds simulated_step(scenario::Scenario const& s, Basis& basis) {
    auto const simulated = simulate(s, basis);
    expects(simulated.misfit.empty(), simulated.misfit);
    auto const& phases = simulated.training.phases;
    expects(!phases.empty(), "a study's trainings have an end");
    return phases.back().step;
}

/// Steps of plans, as a search asks for them.
std::vector<planner::Simulated> simulate_steps(scenario::Scenario const& s,
                                               std::vector<parallel::Plan> const& plans, Basis& basis) {
    std::vector<std::function<std::string()>> jobs;
    for (auto const& plan : plans) {
        jobs.emplace_back([&, asked = &plan] {
            auto with = s;
            with.plan = *asked;
            return fmt::format("{}", simulated_step(with, basis).value());
        });
    }
    std::vector<planner::Simulated> out;
    for (auto const& text : run_isolated(jobs, basis.workers())) {
        out.push_back({std::stod(text), ""});
    }
    return out;
}

/// Options whose plan is to be searched become one for each plan found.
std::vector<scenario::StudyOption> with_searched(std::vector<scenario::StudyOption> const& options,
                                                 scenario::Study const& study, Basis& basis) {
    StudySearch search{
        {.timings = [&](auto const& s) -> timing::Timings const& { return basis.timings_of(s); },
         .calibration = basis.calibration(),
         .data_folder = data_folder(),
         .effort = basis.effort(),
         .workers = basis.workers(),
         .days = study.days,
         .simulate = [&](auto const& s, auto const& plans) { return simulate_steps(s, plans, basis); }}};
    std::vector<scenario::StudyOption> out;
    for (auto const& option : options) {
        if (!option.scenario || !study.candidates[option.candidate].searched) {
            out.push_back(option);
            continue;
        }
        show(fmt::format("searching plans: {}, {}", study.cases[option.study_case].name,
                         study.candidates[option.candidate].name));
        auto found = search.plans_for(option);
        out.insert(out.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    show("");
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
    auto const days = total(option.spending->bill, economics::Total::time) / seconds_per_day;
    if (option.refused.empty() && study.days && days > *study.days) {
        option.refused =
            fmt::format("takes {:.4g} days, more than the {:.4g} of the study", days, *study.days);
    }
}

void run_whatif(Arguments const& arguments) {
    tell_remarks_on(arguments.timings);
    auto const study = scenario::read_study(arguments.study);
    Basis basis{arguments};
    auto options = with_searched(scenario::options_of(study, data_folder()), study, basis);
    auto const simulated = simulate_all(options, basis);
    for (auto& option : options) {
        if (option.scenario) {
            price(option, study, simulated.at(simulation_key(option)));
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
    add_timings_option(*command, arguments->timings);
    add_calibration_option(*command, arguments->calibration);
    command
        ->add_option("--effort", arguments->effort,
                     "Where plans are searched: so many times the usual work before it stops unproven")
        ->check(CLI::Range(1, 1'000'000));
    command
        ->add_option("-j,--workers", arguments->workers,
                     "Trainings simulated at a time (default: one per core)")
        ->check(CLI::PositiveNumber);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->callback([=] { run_whatif(*arguments); });
}

} // namespace moesaic::cli
