#include "cli/plan_report.hpp"

#include "cli/number_text.hpp"
#include "cli/text_table.hpp"
#include "io/unit_text.hpp"
#include "planner/plan_text.hpp"
#include "scenario/run_scenario.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::cli {

namespace {

using parallel::name_in;
using planner::Planned;

std::optional<Money> cost_of(PlanReport const& report, Planned const& plan) {
    if (report.cost_rates.empty()) {
        return std::nullopt;
    }
    Money sum{0.0, report.cost_rates.front().currency};
    for (std::size_t pool = 0; pool < plan.chips.size(); ++pool) {
        sum = sum + report.cost_rates[pool] * (plan.chips[pool] * plan.seconds);
    }
    return sum;
}

/// Steps of a trillion tokens.
double steps_per_trillion(scenario::Scenario const& s) {
    return 1e12 / parallel::tokens_per_step(s.shape).value();
}

double chip_hours_of(PlanReport const& report, Planned const& plan) {
    double chips = 0.0;
    for (int const n : plan.chips) {
        chips += n;
    }
    return steps_per_trillion(report.scenario) * plan.seconds / seconds_per_hour * chips;
}

/// Of the chips at their rated power.
std::optional<double> kwh_of(PlanReport const& report, Planned const& plan) {
    if (report.watts.empty()) {
        return std::nullopt;
    }
    double watts = 0.0;
    for (std::size_t pool = 0; pool < plan.chips.size(); ++pool) {
        watts += report.watts[pool] * plan.chips[pool];
    }
    return steps_per_trillion(report.scenario) * plan.seconds / seconds_per_hour * watts / 1000.0;
}

std::string price_text(PlanReport const& report, Planned const& plan) {
    if (auto const kwh = kwh_of(report, plan)) {
        return fmt::format("{} MWh", grouped(*kwh / 1000.0));
    }
    auto const cost = cost_of(report, plan);
    return cost ? fmt::format("{:.2f} M {}", cost->amount / 1e6, cost->currency)
                : fmt::format("{} h", grouped(chip_hours_of(report, plan)));
}

/// Runs of equal words: "3x none, full".
std::string runs_of(std::vector<std::string> const& words, std::string_view between) {
    std::string out;
    for (std::size_t i = 0; i < words.size();) {
        std::size_t n = 1;
        while (i + n < words.size() && words[i + n] == words[i]) {
            ++n;
        }
        out += fmt::format("{}{}{}", out.empty() ? "" : between,
                           n > 1 && n < words.size() ? fmt::format("{}x ", n) : "", words[i]);
        i += n;
    }
    return out;
}

/// "b1, stages 4x new + 2x old, recompute none, layers 3 3 3 3 9 7"
std::string kind_details(scenario::Scenario const& s, parallel::ReplicaKind const& kind) {
    std::vector<std::string> pools, recompute, layers;
    for (auto const& group : kind.stage_groups) {
        auto const stages = static_cast<std::size_t>(group.stages);
        pools.insert(pools.end(), stages, s.pools[static_cast<std::size_t>(group.pool)].name);
        recompute.insert(recompute.end(), stages, std::string{name_of(group.recompute)});
        for (auto const n : group.layers) {
            layers.push_back(std::to_string(n));
        }
    }
    auto out =
        fmt::format("{}b{}", kind.context > 1 ? fmt::format("cp{} ", kind.context) : "", kind.micro_batch);
    if (s.pools.size() > 1) {
        out += fmt::format(", on {}", runs_of(pools, " + "));
    }
    out += fmt::format(", recompute {}", runs_of(recompute, " + "));
    return out + (layers.size() > 1 ? fmt::format(", layers {}", fmt::join(layers, " ")) : "");
}

/// "1f1b, hidden exchange, zero 1; b1, …"
std::string details(scenario::Scenario const& s, parallel::Plan const& plan) {
    auto out = fmt::format("{}{}, zero {}", name_of(plan.schedule),
                           plan.overlap_exchange ? ", hidden exchange" : "", plan.zero);
    for (auto const& kind : plan.kinds) {
        out += "; " + kind_details(s, kind);
    }
    return out;
}

std::string plans_text(PlanReport const& report, std::vector<Planned> const& plans, bool with_rank) {
    TextTable table{{{with_rank ? "rank" : "", TextTable::Align::right},
                     {"step", TextTable::Align::right},
                     {"per T", TextTable::Align::right},
                     {"plan", TextTable::Align::left},
                     {"what bounds it", TextTable::Align::left}}};
    for (std::size_t i = 0; i < plans.size(); ++i) {
        table.add_row({with_rank ? std::to_string(i + 1) : "", io::text_of(Seconds{plans[i].seconds}),
                       price_text(report, plans[i]), scenario::short_plan_text(plans[i].plan),
                       plans[i].bound_by});
        table.add_row({"", "", "", "  " + details(report.scenario, plans[i].plan), ""});
    }
    return table.text();
}

std::int64_t pruned_by_bound(planner::Outcome const& o) {
    return std::max<std::int64_t>( // counts may have stopped at the greatest number
        0, o.counts.considered - o.simulated - o.counts.unfit - o.counts.over_limits - o.dominated);
}

std::string counts_text(planner::Outcome const& o) {
    auto out = fmt::format("{} plans considered: {} do not fit the memory, ", grouped(o.counts.considered),
                           grouped(o.counts.unfit));
    if (o.counts.over_limits > 0) {
        out += fmt::format("{} break a limit, ", grouped(o.counts.over_limits));
    }
    out += fmt::format("{} share out more for nothing, {} are no better by their bounds or were left out;\n",
                       grouped(o.dominated), grouped(pruned_by_bound(o)));
    return out + fmt::format("layers settled for {}, longest path of {}, {} simulated.\n", grouped(o.refined),
                             grouped(o.programs), grouped(o.simulated));
}

std::string proof_text(PlanReport const& report) {
    auto const& o = report.outcome;
    if (o.best.empty()) {
        return "";
    }
    auto const& best = o.best.front();
    if (o.proven()) {
        return "No other plan of the space can be better: the bounds of all others are higher.\n";
    }
    if (o.rest_at_least <= 0.0) {
        return "Not every mix was looked at: a better one may exist.\n";
    }
    return fmt::format("Plans that were not simulated could be up to {:.1f} % better, by their bounds.\n",
                       100.0 * (1.0 - o.rest_at_least / best.value));
}

} // namespace

parallel::Choices<PlanGoal> const& plan_goal_choices() {
    static parallel::Choices<PlanGoal> const choices{
        {"time", PlanGoal::time}, {"cost", PlanGoal::cost}, {"energy", PlanGoal::energy}};
    return choices;
}

std::string plan_summary(PlanReport const& report) {
    auto const& o = report.outcome;
    auto out = fmt::format("{}\nbest plans by {} of training\n\n", report.scenario.name,
                           name_in(plan_goal_choices(), report.goal));
    out += plans_text(report, o.best, true) + "\n" + counts_text(o) + proof_text(report);
    if (report.own_seconds && report.goal == PlanGoal::time && !o.best.empty()) {
        out += fmt::format("The scenario's own plan takes {}; the best one here {} ({:+.1f} %).\n",
                           io::text_of(Seconds{*report.own_seconds}),
                           io::text_of(Seconds{o.best.front().seconds}),
                           100.0 * (o.best.front().seconds / *report.own_seconds - 1.0));
    }
    out += fmt::format("\ntime against {} (simulated plans than which none is both faster and cheaper)\n{}",
                       report.cost_rates.empty() ? "chip-hours" : "cost", plans_text(report, o.front, false));
    return out + "\nT = trillion tokens; b = sequences of a micro-batch.\n";
}

namespace {

io::Json one_plan_json(PlanReport const& report, Planned const& plan, std::optional<std::size_t> rank) {
    auto const cost = cost_of(report, plan);
    auto out = io::Json::object();
    if (rank) {
        out.set("rank", *rank);
    }
    auto chips = io::Json::object();
    int all = 0;
    for (std::size_t pool = 0; pool < plan.chips.size(); ++pool) {
        chips.set(report.scenario.pools[pool].name, plan.chips[pool]);
        all += plan.chips[pool];
    }
    out.set("step_time_s", plan.seconds)
        .set("cost_per_trillion_tokens",
             cost ? io::Json::object().set("value", cost->amount).set("currency", cost->currency)
                  : io::Json{})
        .set("chip_hours_per_trillion_tokens", chip_hours_of(report, plan))
        .set("energy_kwh_per_trillion_tokens", io::Json::optional(kwh_of(report, plan)))
        .set("chips", all)
        .set("chips_by_pool", std::move(chips))
        .set("short_plan", scenario::short_plan_text(plan.plan))
        .set("bound_by", plan.bound_by)
        .set("closed_form_bound_s", plan.bound)
        .set("longest_path_s", plan.path)
        .set("plan", planner::scenario_text(report.scenario, plan.plan));
    return out;
}

} // namespace

io::Json plan_json(PlanReport const& report) {
    auto const& o = report.outcome;
    auto plans = io::Json::array(), front = io::Json::array();
    for (std::size_t i = 0; i < o.best.size(); ++i) {
        plans.add(one_plan_json(report, o.best[i], i + 1));
    }
    for (auto const& plan : o.front) {
        front.add(one_plan_json(report, plan, std::nullopt));
    }
    return io::Json::object()
        .set("scenario", report.scenario.name)
        .set("objective", name_in(plan_goal_choices(), report.goal))
        .set("considered", o.counts.considered)
        .set("pruned", o.counts.considered - o.simulated)
        .set("pruned_by", io::Json::object()
                              .set("memory", o.counts.unfit)
                              .set("limits", o.counts.over_limits)
                              .set("needless_sharing", o.dominated)
                              .set("bound", pruned_by_bound(o)))
        .set("refined", o.refined)
        .set("longest_paths", o.programs)
        .set("simulated", o.simulated)
        .set("proven", o.proven())
        .set("own_plan_step_time_s", io::Json::optional(report.own_seconds))
        .set("wall_s", report.wall_s)
        .set("plans", std::move(plans))
        .set("pareto", std::move(front));
}

} // namespace moesaic::cli
