#include "base/calendar.hpp"
#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "base/parallel_for.hpp"
#include "cli/command.hpp"
#include "cli/plan_report.hpp"
#include "cli/scenario_options.hpp"
#include "cli/timing_remarks.hpp"
#include "io/text_file.hpp"
#include "io/unit_text.hpp"
#include "planner/plan_text.hpp"
#include "planner/search.hpp"
#include "scenario/run_scenario.hpp"
#include "scenario/time_to_train.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <memory>
#include <unistd.h>

namespace moesaic::cli {

namespace {

struct PlanArguments {
    std::string scenario;
    ScenarioOptions options;
    std::optional<PlanGoal> goal; ///< none = time, or cost with --mix
    bool mix = false;
    int chips = 0;
    std::string budget;
    double days = 0.0;
    std::optional<std::uint64_t> seed;
    int top = 5;
    int effort = 1;
    bool exhaustive = false;
    int workers = 0;
    std::string output;
    bool json = false;
};

/// Where the time of all ranks goes: the largest shares, "compute 71 %, waiting 14 %, expert 9 %".
std::string bound_by(results::Run const& run, parallel::Plan const& plan) {
    std::vector<std::pair<double, std::string>> shares{{0.0, "compute"}, {0.0, "waiting"}};
    for (int stream = 1; stream < parallel::streams; ++stream) {
        shares.emplace_back(0.0, name_of(static_cast<parallel::Stream>(stream)));
    }
    double all = 0.0;
    std::size_t at = 0;
    for (auto const& kind : plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            for (int i = 0; i < group.stages; ++i, ++at) {
                double const ranks = ranks_of_stage(kind, group);
                auto const& time = run.timeline.classes[at];
                shares[0].first += ranks * time.compute.value();
                shares[1].first += ranks * time.bubble.value();
                for (std::size_t s = 1; s < time.exposed.size(); ++s) {
                    shares[s + 1].first += ranks * time.exposed[s].value();
                }
                all += ranks * run.timeline.step.value();
            }
        }
    }
    std::ranges::stable_sort(shares, std::greater{}, [](auto const& share) { return share.first; });
    std::vector<std::string> out;
    for (std::size_t i = 0; i < 3 && shares[i].first > 0.005 * all; ++i) {
        out.push_back(fmt::format("{} {:.0f} %", shares[i].second, 100.0 * shares[i].first / all));
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

constexpr int most_effort = 1'000'000;

/// One search with all that it stands on.
class PlanRun {
  public:
    explicit PlanRun(PlanArguments const& arguments)
        : arguments_{arguments}, scenario_{read()},
          timings_{scenario::load_timings(scenario_, data_folder(), arguments.options.timings)},
          topology_{scenario::topology_of(scenario_)},
          calibration_{scenario::load_calibration(data_folder(), arguments.options.calibration)},
          pricers_{timings_, scenario_.plan.practice, &calibration_} {}

    PlanReport run() {
        auto const begin = std::chrono::steady_clock::now();
        tell_remarks_on(scenario_.timings);
        tell_remarks_on(arguments_.options.timings);
        planner::Problem const problem{scenario_, topology_, timings_, pricers_,
                                       planner::imbalance_of(scenario_)};
        PlanReport report{scenario_, {}, goal(), costs_per_chip_second(), {}, {}, 0.0};
        if (report.goal == PlanGoal::energy) {
            report.watts = watts();
        }
        report.own_seconds = own_plan(); // first: a plan that cannot be is refused at once
        report.outcome = planner::search(problem, request(report));
        if (report.outcome.best.empty()) {
            throw none_found(report.outcome);
        }
        report.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        return report;
    }

    [[nodiscard]] scenario::Scenario const& scenario() const { return scenario_; }

  private:
    [[nodiscard]] scenario::Scenario read() const {
        auto overrides = arguments_.options.overrides();
        if (arguments_.seed) {
            overrides.push_back({"seed", std::to_string(*arguments_.seed)});
        }
        return scenario::read_scenario(arguments_.scenario, overrides, data_folder(),
                                       scenario::PlanNeed::optional);
    }

    [[nodiscard]] InputError none_found(planner::Outcome const& outcome) const {
        auto const at = Origin::whole_file(arguments_.scenario);
        auto const considered = outcome.counts.considered;
        if (considered == 0) {
            return {at, "no degrees that may be tried divide the model, the batch and the pools",
                    "Heads, layers, experts and sequences must divide by them: look at the lists of [search] "
                    "and at what "
                    "[parallel] fixes"};
        }
        if (outcome.exhausted()) {
            return {at, fmt::format("none of {} plans fits the memory and the limits", considered),
                    "Allow more chips, money or time, or recompute and share out more ([search])"};
        }
        return {at,
                fmt::format("none was found among {} plans that fits the memory and the limits", considered),
                fmt::format("It is not proved that there is none: --effort {} may find one. Else allow more "
                            "chips, money or time, or recompute and share out more ([search])",
                            std::min(4 * arguments_.effort, most_effort))};
    }

    [[nodiscard]] PlanGoal goal() const {
        return arguments_.goal.value_or(arguments_.mix ? PlanGoal::cost : PlanGoal::time);
    }

    /// Of a trillion tokens, for each chip and second of a step.
    [[nodiscard]] std::vector<Money> costs_per_chip_second() const {
        std::vector<Money> out;
        if (scenario_.economics) {
            return costs_of_fleet();
        }
        auto const terms = scenario::cost_terms_of(scenario_, data_folder());
        auto const step = parallel::tokens_per_step(scenario_.shape);
        for (auto const& pool : terms ? scenario_.pools : std::vector<scenario::Pool>{}) {
            out.push_back(economics::cost_of_tokens(Tokens{1e12}, {step, Seconds{1.0}},
                                                    {{pool.cluster.node.chip.id, 1}}, *terms)
                              .cost);
        }
        return out;
    }

    /// The same where the scenario says what it pays for its chips.
    [[nodiscard]] std::vector<Money> costs_of_fleet() const {
        double const steps = Tokens{1e12} / parallel::tokens_per_step(scenario_.shape);
        auto const hourly = scenario::hourly_costs(scenario_, data_folder());
        std::vector<Money> out;
        for (auto const& pool : scenario_.pools) {
            out.push_back(hourly.at(pool.cluster.node.chip.id) * (steps / seconds_per_hour));
        }
        return out;
    }

    [[nodiscard]] std::vector<double> watts() const {
        std::vector<double> out;
        for (auto const& pool : scenario_.pools) {
            auto const& chip = pool.cluster.node.chip;
            if (!chip.power) {
                throw hardware::unknown_figure(chip, "power");
            }
            out.push_back(chip.power->value.value());
        }
        return out;
    }

    [[nodiscard]] planner::Request request(PlanReport const& report) const {
        std::vector<double> rates(scenario_.pools.size(), 1.0); // chip-hours without prices
        std::ranges::transform(report.cost_rates, rates.begin(), &Money::amount);
        if (report.goal == PlanGoal::cost && report.cost_rates.empty()) {
            throw InputError{Origin::whole_file(arguments_.scenario), "has no prices, so plans have no cost",
                             "Name a price book: prices = \"china_2025\""};
        }
        planner::Request out;
        out.cost = {rates, 1.0};
        out.objective = {report.watts.empty() ? rates : report.watts,
                         report.goal == PlanGoal::time ? 0.0 : 1.0};
        out.limits = limits(report, rates);
        out.top = arguments_.top;
        out.effort.refined *= arguments_.effort;
        out.effort.turns *= arguments_.effort;
        out.effort.simulations = std::max(out.effort.simulations * arguments_.effort, arguments_.top);
        out.effort.exhaustive = arguments_.exhaustive;
        out.simulate = [this](auto const& plans) { return simulate(plans); };
        out.workers = workers();
        if (::isatty(STDERR_FILENO) != 0) {
            out.progress = show;
        }
        return out;
    }

    [[nodiscard]] planner::Limits limits(PlanReport const& report, std::vector<double> rates) const {
        planner::Limits out{.chips = arguments_.chips, .seconds = 0.0, .cost = 0.0, .rate_per_chip = {}};
        double const steps = scenario_.tokens / parallel::tokens_per_step(scenario_.shape);
        out.rate_per_chip = std::move(rates);
        out.seconds = arguments_.days * seconds_per_day / steps;
        if (!arguments_.budget.empty()) {
            auto const budget = io::parse_quantity<Money>(arguments_.budget);
            auto const& costs = report.cost_rates;
            auto const at = Origin::whole_file("--budget");
            if (!budget) {
                throw InputError{at, fmt::format("\"{}\" is not understood", arguments_.budget),
                                 io::quantity_help<Money>()};
            }
            if (costs.empty() || costs.front().currency != budget->currency) {
                throw InputError{
                    at, fmt::format("the scenario counts its cost in {}",
                                    costs.empty() ? "nothing: it names no prices" : costs.front().currency)};
            }
            out.cost = budget->amount / (scenario_.tokens.value() / 1e12);
        }
        return out;
    }

    [[nodiscard]] scenario::RunOptions run_options() const {
        return {.timings = {}, .calibration_file = arguments_.options.calibration};
    }

    [[nodiscard]] int workers() const { return workers_or_cores(arguments_.workers); }

    [[nodiscard]] std::vector<planner::Simulated> simulate(std::vector<parallel::Plan> const& plans) const {
        std::vector<std::function<std::string()>> jobs;
        for (auto const& plan : plans) {
            jobs.emplace_back([this, &plan] {
                auto with = scenario_;
                with.plan = plan;
                auto const run = scenario::run_scenario(with, timings_, data_folder(), run_options());
                expects(!run.misfit, run.misfit.value_or(""));
                return fmt::format("{} {}", run.timeline.step.value(), bound_by(run, plan));
            });
        }
        std::vector<planner::Simulated> out;
        for (auto const& text : run_isolated(jobs, workers())) {
            auto const blank = text.find(' ');
            out.push_back({std::stod(text.substr(0, blank)), text.substr(blank + 1)});
        }
        return out;
    }

    /// none where the scenario has no plan, or it does not fit
    [[nodiscard]] std::optional<double> own_plan() const {
        if (scenario_.plan.kinds.empty()) {
            return std::nullopt;
        }
        auto const texts = run_isolated(
            {[this] {
                auto const run = scenario::run_scenario(scenario_, timings_, data_folder(), run_options());
                return run.metrics ? fmt::format("{}", run.metrics->step.value()) : std::string{"-"};
            }},
            1);
        return texts.front() == "-" ? std::nullopt : std::optional{std::stod(texts.front())};
    }

    static void show(planner::Progress const& progress) {
        constexpr std::string_view names[] = {"plans bounded", "layers settled", "longest paths",
                                              "simulated"};
        fmt::print(stderr, "\r\x1b[K{} {}", progress.done, names[static_cast<int>(progress.stage)]);
        std::fflush(stderr);
    }

    PlanArguments const& arguments_;
    scenario::Scenario scenario_;
    timing::Timings timings_;
    hardware::Topology topology_;
    parallel::Calibration calibration_;
    parallel::Pricers pricers_;
};

void plan(PlanArguments const& arguments) {
    PlanRun search{arguments};
    auto const report = search.run();
    if (::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\r\x1b[K");
    }
    if (!arguments.output.empty()) {
        io::write_text_file(arguments.output,
                            planner::scenario_text(search.scenario(), report.outcome.best.front().plan));
    }
    if (arguments.json) {
        fmt::print("{}\n", plan_json(report).text());
        return;
    }
    fmt::print("{}", plan_summary(report));
    fmt::print(stderr, "searched in {:.2f} s\n", report.wall_s);
}

} // namespace

void add_plan_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand(
        "plan",
        "Search the parallel plan of a scenario, and the mix of its pools: best first, with what bounds "
        "each, how many were ruled out and why, and the front of time against cost");
    auto arguments = std::make_shared<PlanArguments>();
    std::map<std::string, PlanGoal> const goals(plan_goal_choices().begin(), plan_goal_choices().end());
    command
        ->add_option("scenario", arguments->scenario,
                     "Scenario file; [parallel] may be left out, [search] narrows the space")
        ->required();
    add_scenario_options(*command, arguments->options);
    command
        ->add_option_function<std::string>(
            "--objective", [=](std::string const& name) { arguments->goal = goals.at(name); },
            "What is to be least: time of a step, cost (rent of the chips used, or what [economics] makes of "
            "them) or energy (their rated power) per token (default time; cost with --mix)")
        ->check(CLI::IsMember(plan_goal_choices()));
    command->add_flag(
        "--mix", arguments->mix,
        "Ask how many chips of each pool to use: the cheapest mix first, unless --objective says "
        "otherwise");
    command->add_option("--chips", arguments->chips, "At most so many chips")->check(CLI::PositiveNumber);
    command->add_option("--budget", arguments->budget,
                        "At most so much rent for all tokens of the scenario: --budget '5 M CNY'");
    command->add_option("--days", arguments->days, "At most so many days for all tokens, without failures")
        ->check(CLI::PositiveNumber);
    command->add_option("--seed", arguments->seed, "In place of the scenario's");
    command
        ->add_option("--top", arguments->top,
                     fmt::format("How many plans to show (default {})", arguments->top))
        ->check(CLI::PositiveNumber);
    command
        ->add_option("--effort", arguments->effort,
                     "So many times the usual work before the search stops unproven (default 1)")
        ->check(CLI::Range(1, most_effort));
    command->add_flag("--exhaustive", arguments->exhaustive,
                      "Simulate every plan that fits, for small spaces and to check the search");
    command
        ->add_option(
            "-j,--workers", arguments->workers,
            "Threads and processes at a time (default: one per core); the answer does not depend on it")
        ->check(CLI::PositiveNumber);
    command->add_option("-o,--output", arguments->output, "Write the best plan as a scenario for run");
    command->add_flag("--json", arguments->json,
                      "One JSON object on stdout instead; each plan with its scenario");
    command->footer(
        "Example: moesaic plan scenarios/tutorial/04-replicas-on-two-pools.toml -o best.toml && moesaic "
        "run best.toml");
    command->callback([arguments] { plan(*arguments); });
}

} // namespace moesaic::cli
