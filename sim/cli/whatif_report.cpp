#include "cli/whatif_report.hpp"

#include "base/calendar.hpp"
#include "cli/number_text.hpp"
#include "cli/text_table.hpp"
#include "cli/training_report.hpp"
#include "io/csv.hpp"
#include "io/unit_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace moesaic::cli {

namespace {

using economics::Total;
using scenario::Objective;
using scenario::Study;
using scenario::StudyOption;
using Options = std::vector<StudyOption>;

constexpr Objective objectives[] = {Objective::cheapest, Objective::fastest};

StudyFigure figure_of(economics::Bill const& bill, Total which, std::uint64_t seed, double unit = 1.0) {
    auto const interval = economics::interval_of(bill, which, {.seed = seed});
    return {total(bill, which) / unit, {interval.low / unit, interval.high / unit}};
}

std::optional<StudyFigure> change_of(economics::Bill const& bill, economics::Bill const& baseline,
                                     Total which, std::uint64_t seed) {
    auto const change = economics::difference(bill, baseline, which, {.seed = seed});
    return change ? std::optional{StudyFigure{change->value, change->interval}} : std::nullopt;
}

StudyRow row_of(Study const& study, StudyOption const& option, StudyOption const* baseline) {
    auto const& bill = option.spending->bill;
    StudyRow row{.option = &option,
                 .best = {},
                 .cost = figure_of(bill, Total::cost, study.seed),
                 .outlay = figure_of(bill, Total::outlay, study.seed),
                 .days = figure_of(bill, Total::time, study.seed, seconds_per_day),
                 .energy_kwh = figure_of(bill, Total::energy, study.seed),
                 .cost_change = {},
                 .days_change = {},
                 .energy_change = {}};
    if (baseline && baseline != &option) {
        auto const& other = baseline->spending->bill;
        row.cost_change = change_of(bill, other, Total::cost, study.seed);
        row.days_change = change_of(bill, other, Total::time, study.seed);
        row.energy_change = change_of(bill, other, Total::energy, study.seed);
    }
    return row;
}

std::string share_text(std::optional<StudyFigure> const& change) {
    return change ? fmt::format("{:+.0f} % ({:+.0f} to {:+.0f})", 100.0 * change->value,
                                100.0 * change->interval.low, 100.0 * change->interval.high)
                  : "-";
}

/// "12.3 (10.1 to 15.2)"
std::string figure_text(StudyFigure const& figure, double unit) {
    return fmt::format("{:.4g} ({:.3g} to {:.3g})", figure.value / unit, figure.interval.low / unit,
                       figure.interval.high / unit);
}

/// The candidate, with the plan where it was searched.
std::string option_text(Study const& study, StudyOption const& option) {
    auto const& name = study.candidates[option.candidate].name;
    return option.found.empty() ? name : fmt::format("{}: {}", name, option.plan);
}

std::string best_text(std::optional<Objective> best) { return best ? std::string{name_of(*best)} : ""; }

std::string table_text(Study const& study, std::vector<StudyRow> const& rows, std::string const& currency) {
    using Align = TextTable::Align;
    TextTable table{{{"case", Align::left},
                     {"best", Align::left},
                     {"plan", Align::left},
                     {fmt::format("M {} (80 %)", currency), Align::right},
                     {"days (80 %)", Align::right},
                     {"GWh (80 %)", Align::right},
                     {"cost against baseline", Align::right},
                     {"days against baseline", Align::right},
                     {"chips", Align::left}}};
    for (auto const& row : rows) {
        table.add_row(
            {study.cases[row.option->study_case].name, best_text(row.best), option_text(study, *row.option),
             figure_text(row.cost, 1e6), figure_text(row.days, 1.0), figure_text(row.energy_kwh, 1e6),
             share_text(row.cost_change), share_text(row.days_change), chips_text(*row.option->spending)});
    }
    return table.text();
}

/// "[every case]" or "[a; b]"
std::string cases_text(Study const& study, std::vector<std::size_t> const& cases) {
    std::vector<std::string> names;
    for (auto const c : cases) {
        names.push_back(study.cases[c].name);
    }
    return cases.size() == study.cases.size() ? "every case" : fmt::format("{}", fmt::join(names, "; "));
}

using Reasons = std::vector<std::string> (*)(StudyOption const&);

std::vector<std::string> refused_for(StudyOption const& option) {
    return option.refused.empty() ? std::vector<std::string>{} : std::vector{option.refused};
}

/// What a search did without.
std::vector<std::string> searched_without(StudyOption const& option) { return option.fewer; }

/// One line for each reason and the cases in which it holds, with the plans for which it does.
std::string reasons_text(Study const& study, Options const& options, std::string_view heading,
                         Reasons reasons_of) {
    using Held = std::pair<std::string, std::vector<std::size_t>>; // reason and cases
    std::map<std::pair<std::size_t, std::string>, std::vector<std::size_t>> by_plan;
    for (auto const& option : options) {
        for (auto const& reason : reasons_of(option)) {
            auto& cases = by_plan[{option.candidate, reason}];
            if (cases.empty() ||
                cases.back() != option.study_case) { // a search gives several plans to a case
                cases.push_back(option.study_case);
            }
        }
    }
    std::map<Held, std::vector<std::string>> plans;
    std::vector<Held> order;
    for (auto const& [plan, cases] : by_plan) {
        auto& names = plans[{plan.second, cases}];
        if (names.empty()) {
            order.emplace_back(plan.second, cases);
        }
        names.push_back(study.candidates[plan.first].name);
    }
    std::string out;
    for (auto const& held : order) {
        out += fmt::format("  {}\n    {} [{}]\n", fmt::join(plans.at(held), "; "), held.first,
                           cases_text(study, held.second));
    }
    return out.empty() ? out : fmt::format("\n{}:\n{}", heading, out);
}

std::string baseline_text(Study const& study, Options const& options, bool all) {
    auto const& name = study.cases[study.baseline].name;
    return best_of(options, study.baseline, Objective::cheapest)
               ? fmt::format("Baseline: {}, {}.", name, all ? "its cheapest" : "the same objective")
               : fmt::format("Baseline: {}, in which nothing can be done: there is nothing to compare with.",
                             name);
}

io::Json figure_json(StudyFigure const& figure) {
    return io::Json::object()
        .set("value", figure.value)
        .set("interval_80", io::Json::array().add(figure.interval.low).add(figure.interval.high));
}

io::Json optional_json(std::optional<StudyFigure> const& figure) {
    return figure ? figure_json(*figure) : io::Json{};
}

io::Json row_json(Study const& study, StudyRow const& row) {
    auto const& option = *row.option;
    return io::Json::object()
        .set("case", study.cases[option.study_case].name)
        .set("best", row.best ? io::Json{name_of(*row.best)} : io::Json{})
        .set("candidate", study.candidates[option.candidate].name)
        .set("plan", option.plan)
        .set("searched_plan", option.found.empty() ? io::Json{} : io::Json{option.found})
        .set("currency", option.spending->bill.currency)
        .set("cost", figure_json(row.cost))
        .set("outlay", figure_json(row.outlay))
        .set("days", figure_json(row.days))
        .set("energy_kwh", figure_json(row.energy_kwh))
        .set("cost_change_fraction", optional_json(row.cost_change))
        .set("days_change_fraction", optional_json(row.days_change))
        .set("energy_change_fraction", optional_json(row.energy_change))
        .set("training", training_json(*option.training))
        .set("spending", spending_json(*option.spending));
}

/// Once for each search, whatever the number of plans that it found.
io::Json fewer_json(Study const& study, Options const& options) {
    auto fewer = io::Json::array();
    for (std::size_t i = 0; i < options.size(); ++i) {
        auto const& option = options[i];
        auto const again = i > 0 && options[i - 1].study_case == option.study_case &&
                           options[i - 1].candidate == option.candidate;
        for (auto const& reason : again ? std::vector<std::string>{} : option.fewer) {
            fewer.add(io::Json::object()
                          .set("case", study.cases[option.study_case].name)
                          .set("candidate", study.candidates[option.candidate].name)
                          .set("reason", reason));
        }
    }
    return fewer;
}

} // namespace

std::vector<StudyRow> best_rows(Study const& study, Options const& options) {
    std::vector<StudyRow> out;
    for (std::size_t c = 0; c < study.cases.size(); ++c) {
        for (auto const objective : objectives) {
            if (auto const* best = best_of(options, c, objective)) {
                out.push_back(row_of(study, *best, best_of(options, study.baseline, objective)));
                out.back().best = objective;
            }
        }
    }
    return out;
}

std::vector<StudyRow> all_rows(Study const& study, Options const& options) {
    std::vector<StudyRow> out;
    auto const* baseline = best_of(options, study.baseline, Objective::cheapest);
    for (auto const& option : options) {
        if (option.refused.empty()) {
            out.push_back(row_of(study, option, baseline));
        }
    }
    return out;
}

std::string chips_text(results::Spending const& spending) {
    std::vector<std::string> lots;
    for (auto const& lot : spending.lots) {
        lots.push_back(lot_text(lot));
    }
    return fmt::format("{}", fmt::join(lots, " + "));
}

std::string study_text(Study const& study, Options const& options, bool all) {
    auto out = study.name + "\n" + (study.description.empty() ? "" : study.description + "\n") + "\n";
    auto const rows = all ? all_rows(study, options) : best_rows(study, options);
    if (!rows.empty()) {
        out += table_text(study, rows, rows.front().option->spending->bill.currency);
        out += fmt::format("\nDays count from the regime's date. {}\n", baseline_text(study, options, all));
    }
    for (std::size_t c = 0; c < study.cases.size(); ++c) {
        if (!best_of(options, c, Objective::cheapest)) {
            out += fmt::format("{}: none of the plans can be done.\n", study.cases[c].name);
        }
    }
    out += reasons_text(study, options, "Searched with fewer chips than asked for", searched_without);
    out += reasons_text(study, options, "Cannot be done", refused_for);
    for (std::size_t i = 0; i < study.assumptions.size(); ++i) {
        out += fmt::format("{}  - {}\n", i == 0 ? "\nassumptions of this study\n" : "", study.assumptions[i]);
    }
    return out;
}

io::Json study_json(Study const& study, Options const& options) {
    auto best = io::Json::array();
    for (auto const& row : best_rows(study, options)) {
        best.add(row_json(study, row));
    }
    auto all = io::Json::array();
    for (auto const& row : all_rows(study, options)) {
        all.add(row_json(study, row));
    }
    auto refused = io::Json::array();
    for (auto const& option : options) {
        if (!option.refused.empty()) {
            refused.add(io::Json::object()
                            .set("case", study.cases[option.study_case].name)
                            .set("candidate", study.candidates[option.candidate].name)
                            .set("reason", option.refused));
        }
    }
    auto assumptions = io::Json::array();
    for (auto const& one : study.assumptions) {
        assumptions.add(one);
    }
    return io::Json::object()
        .set("study", study.name)
        .set("file", study.file)
        .set("baseline", study.cases[study.baseline].name)
        .set("days_limit", study.days ? io::Json{*study.days} : io::Json{})
        .set("assumptions", std::move(assumptions))
        .set("best", std::move(best))
        .set("options", std::move(all))
        .set("refused", std::move(refused))
        .set("fewer_chips", fewer_json(study, options));
}

namespace {

/// Names of the objectives by which the option is its case's best, with a blank between them.
std::string best_of_case(Options const& options, StudyOption const& option) {
    std::vector<std::string> out;
    for (auto const objective : objectives) {
        if (best_of(options, option.study_case, objective) == &option) {
            out.emplace_back(name_of(objective));
        }
    }
    return fmt::format("{}", fmt::join(out, " "));
}

void add_interval(std::vector<std::string>& fields, StudyFigure const& figure) {
    for (double const number : {figure.value, figure.interval.low, figure.interval.high}) {
        fields.push_back(fmt::format("{}", number));
    }
}

/// What the columns from "plan" to "energy_high" say of what can be done, and those of the change where there is something to
/// hold it against.
void add_figures(std::vector<std::string>& fields, StudyRow const& row) {
    auto const& spending = *row.option->spending;
    fields.insert(fields.end(), {row.option->plan, chips_text(spending), spending.bill.currency});
    add_interval(fields, row.cost);
    fields.push_back(fmt::format("{}", row.outlay.value));
    add_interval(fields, row.days);
    add_interval(fields, row.energy_kwh);
    if (row.cost_change) {
        add_interval(fields, *row.cost_change);
    }
}

} // namespace

std::string study_csv(Study const& study, Options const& options) {
    std::vector<std::string> const headings{
        "case",       "candidate",   "best",        "refused",         "plan",
        "chips",      "currency",    "cost",        "cost_low",        "cost_high",
        "outlay",     "days",        "days_low",    "days_high",       "energy_kwh",
        "energy_low", "energy_high", "cost_change", "cost_change_low", "cost_change_high",
        "fewer_chips"};
    auto out = io::csv_line(headings);
    auto const rows = all_rows(study, options);
    for (auto const& option : options) {
        std::vector<std::string> fields{study.cases[option.study_case].name,
                                        study.candidates[option.candidate].name,
                                        best_of_case(options, option), option.refused};
        if (auto const row = std::ranges::find(rows, &option, &StudyRow::option); row != rows.end()) {
            add_figures(fields, *row);
        }
        fields.resize(headings.size() - 1); // what is not known is empty
        fields.push_back(fmt::format("{}", fmt::join(option.fewer, "; ")));
        out += io::csv_line(fields);
    }
    return out;
}

namespace {

io::Json plot_values(Study const& study, Options const& options) {
    auto values = io::Json::array();
    for (auto const& row : best_rows(study, options)) {
        auto const add = [&](std::string const& metric, StudyFigure const& figure, double unit) {
            values.add(io::Json::object()
                           .set("case", study.cases[row.option->study_case].name)
                           .set("best", name_of(*row.best))
                           .set("plan", option_text(study, *row.option))
                           .set("metric", metric)
                           .set("value", figure.value / unit)
                           .set("low", figure.interval.low / unit)
                           .set("high", figure.interval.high / unit));
        };
        add(fmt::format("cost, M {}", row.option->spending->bill.currency), row.cost, 1e6);
        add("days", row.days, 1.0);
        add("energy, GWh", row.energy_kwh, 1e6);
    }
    return values;
}

io::Json field(std::string const& name, std::string const& type) {
    return io::Json::object().set("field", name).set("type", type);
}

} // namespace

io::Json study_plot(Study const& study, Options const& options) {
    auto order = io::Json::array();
    for (auto const& one : study.cases) {
        order.add(one.name);
    }
    auto const encoding = [&](std::string const& x, std::string const& x2) {
        auto out = io::Json::object();
        out.set("x", field(x, "quantitative")
                         .set("title", io::Json{})
                         .set("scale", io::Json::object().set("zero", true)));
        if (!x2.empty()) {
            out.set("x2", io::Json::object().set("field", x2));
        }
        auto const whole_names = io::Json::object().set("labelLimit", 400);
        return out
            .set(
                "y",
                field("case", "nominal").set("sort", order).set("title", io::Json{}).set("axis", whole_names))
            .set("yOffset", io::Json::object().set("field", "best"))
            .set("color", field("best", "nominal").set("title", io::Json{}))
            .set("tooltip",
                 io::Json::array().add(field("plan", "nominal")).add(field("value", "quantitative")));
    };
    auto layers = io::Json::array();
    layers.add(io::Json::object()
                   .set("mark", io::Json::object().set("type", "point").set("filled", true))
                   .set("encoding", encoding("value", "")));
    layers.add(io::Json::object().set("mark", "rule").set("encoding", encoding("low", "high")));
    return io::Json::object()
        .set("$schema", "https://vega.github.io/schema/vega-lite/v6.json")
        .set("title", study.name)
        .set("data", io::Json::object().set("values", plot_values(study, options)))
        .set("facet", io::Json::object().set("column", field("metric", "nominal").set("title", io::Json{})))
        .set("spec", io::Json::object().set("width", 260).set("layer", std::move(layers)))
        .set("resolve", io::Json::object().set("scale", io::Json::object().set("x", "independent")));
}

} // namespace moesaic::cli
