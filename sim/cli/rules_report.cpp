#include "cli/rules_report.hpp"

#include "cli/text_table.hpp"
#include "export_control/processing_performance.hpp"

#include <cmath>
#include <fmt/format.h>

namespace moesaic::cli {

using namespace export_control;
using io::Json;

namespace {

using Align = TextTable::Align;

std::string outcome_cell(Verdict const& v) {
    auto out = std::string{outcome_name(v.outcome)};
    return v.open.empty() || !v.outcome ? out : "at least " + out;
}

std::string near_line(Verdict const& v, NearLimit const& near) {
    auto const& info = info_of(near.attribute);
    return fmt::format(
        "  {}: {} {} is {:.1f} % {} {} ({}){}\n", v.chip, info.words, export_control::text_of(near.figure),
        std::abs(near.distance) * 100, near.distance < 0 ? "below" : "above", near.limit.written, near.rule,
        near.changes_outcome ? fmt::format("; on the other side: {}", outcome_name(near.beyond)) : "");
}

std::string section(std::string_view heading, std::string const& lines) {
    return lines.empty() ? "" : fmt::format("\n{}\n{}", heading, lines);
}

std::string open_lines(Verdict const& v) {
    std::string out;
    if (!v.outcome) {
        out += fmt::format("  {}: undecided until known: {}\n", v.chip, fmt::join(v.missing, ", "));
    }
    for (auto const& open : v.open) {
        if (v.outcome) {
            out += fmt::format("  {}: {} would make it {}; not known: {}\n", v.chip, open.rule,
                               name_of(open.outcome), fmt::join(open.missing, ", "));
        }
    }
    return out;
}

std::string threshold_lines(Verdict const& v) {
    std::string out;
    for (auto const& other : v.other_thresholds) {
        out += fmt::format("  {}: {} with {} = {}\n", v.chip, outcome_name(other.outcome), other.rule,
                           other.alternative);
    }
    return out;
}

std::string price_line(Verdict const& v) {
    std::string out;
    if (v.price.import_duty > 0) {
        out += fmt::format(" import duty {:.0f} %", v.price.import_duty * 100);
    }
    if (v.price.revenue_share > 0) {
        out += fmt::format(" share of revenue {:.0f} %", v.price.revenue_share * 100);
    }
    return out.empty() ? "" : fmt::format("  {}:{} ({})\n", v.chip, out, fmt::join(v.priced_by, ", "));
}

std::string assumptions_text(Regime const& regime) {
    std::string out = regime.assumptions.empty() ? "" : "A hypothetical world:\n";
    for (auto const& assumption : regime.assumptions) {
        out += fmt::format("  {}\n", assumption);
    }
    return out;
}

std::string header(Regime const& regime) {
    auto const& deal = regime.deal;
    auto out = fmt::format(
        "Rules of {} on {} for a shipment from {} to {}, buyer's headquarters in {}, end use {}\n",
        fmt::join(regime.jurisdictions, " and "), iso_text(deal.date), deal.exported_from, deal.destination,
        deal.headquarters, deal.end_use);
    out += assumptions_text(regime);
    for (auto const* const rule : rules_in_force(regime)) {
        if (!rule->alternatives.empty()) {
            std::string names;
            for (auto const& one : rule->alternatives) {
                names += (names.empty() ? "" : ", ") + one.name;
            }
            out += fmt::format("Thresholds of {} are not settled (known: {}); used: {}\n", rule->id, names,
                               rule->chosen_alternative.empty() ? "those of the what-if file"
                                                                : rule->chosen_alternative);
        }
    }
    return out;
}

std::string table(RulesReport const& report) {
    bool imports = false;
    bool compared = false;
    for (auto const& chip : report.chips) {
        imports = imports || (chip.import_side && !chip.import_side->rule.empty());
        compared = compared || chip.baseline.has_value();
    }
    std::vector<TextTable::Column> columns{{"chip"}, {"outcome"}, {"near"}};
    if (compared) {
        columns.push_back({"as published"});
    }
    if (imports) {
        columns.push_back({report.regime.deal.destination + "'s own rules"});
    }
    columns.push_back({"decided by"});
    columns.push_back({"because"});
    TextTable out{columns};
    for (auto const& chip : report.chips) {
        std::vector<std::string> cells{chip.verdict.chip, outcome_cell(chip.verdict),
                                       chip.verdict.near_limits.empty() ? "" : "near"};
        if (compared) {
            auto const changed = chip.baseline && chip.baseline->outcome != chip.verdict.outcome;
            cells.push_back(changed ? outcome_cell(*chip.baseline) : "same");
        }
        if (imports) {
            auto const shown = chip.import_side && !chip.import_side->rule.empty();
            cells.push_back(shown ? fmt::format("{} ({})", outcome_name(chip.import_side->outcome),
                                                chip.import_side->rule)
                                  : "");
        }
        cells.push_back(chip.verdict.rule.empty() ? "-" : chip.verdict.rule);
        cells.push_back(chip.verdict.predicate);
        out.add_row(std::move(cells));
    }
    return out.text();
}

} // namespace

std::string text_of(RulesReport const& report) {
    std::string near;
    std::string open;
    std::string thresholds;
    std::string prices;
    std::string remarks;
    for (auto const& chip : report.chips) {
        for (auto const& one : chip.verdict.near_limits) {
            near += near_line(chip.verdict, one);
        }
        open += open_lines(chip.verdict);
        thresholds += threshold_lines(chip.verdict);
        prices += price_line(chip.verdict);
        for (auto const& remark : chip.verdict.remarks) {
            remarks += fmt::format("  {}: {}\n", chip.verdict.chip, remark);
        }
    }
    return header(report.regime) + "\n" + table(report) + section("Not known:", open) +
           section("Within 10 % of a limit:", near) + section("Other thresholds would change:", thresholds) +
           section("Price:", prices) + section("Figures of the catalogue that disagree:", remarks);
}

namespace {

Json value_json(Value const& value) {
    if (auto const number = magnitude(value)) {
        return *number;
    }
    if (auto const* const flag = std::get_if<bool>(&value)) {
        return *flag;
    }
    return export_control::text_of(value);
}

std::string json_key(Attribute attribute) {
    auto const& info = info_of(attribute);
    return std::string{info.name} + std::string{json_unit(info.type)};
}

Json strings(std::vector<std::string> const& texts) {
    auto out = Json::array();
    for (auto const& text : texts) {
        out.add(text);
    }
    return out;
}

Json near_json(Verdict const& v) {
    auto out = Json::array();
    for (auto const& near : v.near_limits) {
        out.add(Json::object()
                    .set("rule", near.rule)
                    .set("figure", json_key(near.attribute))
                    .set("value", value_json(near.figure))
                    .set("limit", value_json(near.limit.value))
                    .set("distance_fraction", near.distance)
                    .set("outcome_beyond", outcome_name(near.beyond)));
    }
    return out;
}

Json open_json(Verdict const& v) {
    auto out = Json::array();
    for (auto const& open : v.open) {
        out.add(Json::object()
                    .set("rule", open.rule)
                    .set("outcome", name_of(open.outcome))
                    .set("missing", strings(open.missing)));
    }
    return out;
}

Json thresholds_json(Verdict const& v) {
    auto out = Json::array();
    for (auto const& other : v.other_thresholds) {
        out.add(Json::object()
                    .set("rule", other.rule)
                    .set("alternative", other.alternative)
                    .set("outcome", outcome_name(other.outcome)));
    }
    return out;
}

Json rule_or_null(Verdict const& v) { return v.rule.empty() ? Json{} : Json{v.rule}; }

Json short_json(std::optional<Verdict> const& v) {
    if (!v) {
        return {};
    }
    return Json::object()
        .set("outcome", outcome_name(v->outcome))
        .set("rule", rule_or_null(*v))
        .set("predicate", v->predicate);
}

Json chip_json(ChipStatus const& chip) {
    auto const& v = chip.verdict;
    auto figures = Json::object();
    auto sources = Json::object();
    for (auto const& figure : v.figures) {
        figures.set(json_key(figure.attribute), value_json(figure.value));
        sources.set(json_key(figure.attribute), figure.source);
    }
    auto out = Json::object()
                   .set("chip", v.chip)
                   .set("outcome", outcome_name(v.outcome))
                   .set("rule", rule_or_null(v))
                   .set("detail", v.detail)
                   .set("predicate", v.predicate)
                   .set("figures", std::move(figures))
                   .set("figure_sources", std::move(sources))
                   .set("near_limit", !v.near_limits.empty())
                   .set("near_limits", near_json(v))
                   .set("missing", strings(v.missing))
                   .set("open_rules", open_json(v))
                   .set("other_thresholds", thresholds_json(v))
                   .set("import_duty_fraction", v.price.import_duty)
                   .set("revenue_share_fraction", v.price.revenue_share)
                   .set("import_side", short_json(chip.import_side))
                   .set("remarks", strings(v.remarks));
    if (chip.baseline) {
        out.set("as_published", short_json(chip.baseline));
    }
    return out;
}

} // namespace

Json json_of(RulesReport const& report) {
    auto const& deal = report.regime.deal;
    auto chips = Json::array();
    for (auto const& chip : report.chips) {
        chips.add(chip_json(chip));
    }
    auto alternatives = Json::object();
    for (auto const* const rule : rules_in_force(report.regime)) {
        if (!rule->alternatives.empty()) {
            alternatives.set(rule->id,
                             rule->chosen_alternative.empty() ? Json{} : Json{rule->chosen_alternative});
        }
    }
    return Json::object()
        .set("date", iso_text(deal.date))
        .set("destination", deal.destination)
        .set("headquarters", deal.headquarters)
        .set("exported_from", deal.exported_from)
        .set("end_use", deal.end_use)
        .set("jurisdictions", strings(report.regime.jurisdictions))
        .set("assumptions", strings(report.regime.assumptions))
        .set("unsettled_thresholds_used", std::move(alternatives))
        .set("chips", std::move(chips));
}

std::string each_rule_text(Regime const& regime, std::vector<hardware::Chip> const& chips) {
    auto out = header(regime) + "\n";
    TextTable rows{{{"chip"}, {"rule"}, {"catches"}, {"because"}}};
    for (auto const& chip : chips) {
        auto const figures = figures_of(chip, regime.figures);
        for (auto const* const rule : rules_in_force(regime)) {
            auto const why = explain_rule(*rule, figures, regime);
            rows.add_row({chip.id, rule->id, std::string{name_of(why.truth)}, why.words});
        }
    }
    return out + rows.text();
}

std::string timeline_text(Timeline const& timeline, Regime const& regime) {
    std::vector<TextTable::Column> columns{{"chip"}, {"before"}};
    for (auto const& change : timeline.changes) {
        columns.push_back({iso_text(change.from)});
    }
    TextTable rows{columns};
    for (auto const& row : timeline.rows) {
        std::vector<std::string> cells{row.chip};
        for (std::size_t i = 0; i < row.verdicts.size(); ++i) {
            auto const& outcome = row.verdicts[i].outcome;
            auto const same = i > 0 && outcome == row.verdicts[i - 1].outcome;
            cells.emplace_back(same ? "." : outcome ? short_name_of(*outcome) : "?");
        }
        rows.add_row(std::move(cells));
    }
    auto out = assumptions_text(regime) + rows.text() + "\nFrom each day on, . = as before, ? = undecided";
    for (auto const& name : outcome_names()) {
        auto const outcome = *find_outcome(name);
        out += fmt::format(", {} = {}", short_name_of(outcome), name);
    }
    out += "\n";
    for (auto const& change : timeline.changes) {
        out += fmt::format("{}:{}{}{}{}\n", iso_text(change.from), change.begins.empty() ? "" : " + ",
                           fmt::join(change.begins, " + "), change.ends.empty() ? "" : " - ",
                           fmt::join(change.ends, " - "));
    }
    return out;
}

Json timeline_json(Timeline const& timeline, Regime const& regime) {
    auto changes = Json::array();
    for (auto const& change : timeline.changes) {
        changes.add(Json::object()
                        .set("from", iso_text(change.from))
                        .set("begins", strings(change.begins))
                        .set("ends", strings(change.ends)));
    }
    auto chips = Json::array();
    for (auto const& row : timeline.rows) {
        auto spans = Json::array();
        for (std::size_t i = 0; i < row.verdicts.size(); ++i) {
            spans.add(Json::object()
                          .set("from", i == 0 ? Json{} : Json{iso_text(timeline.changes[i - 1].from)})
                          .set("outcome", outcome_name(row.verdicts[i].outcome))
                          .set("rule", rule_or_null(row.verdicts[i])));
        }
        chips.add(Json::object().set("chip", row.chip).set("status", std::move(spans)));
    }
    return Json::object()
        .set("destination", regime.deal.destination)
        .set("assumptions", strings(regime.assumptions))
        .set("changes", std::move(changes))
        .set("chips", std::move(chips));
}

namespace {

std::string period_text(Period const& period) {
    return fmt::format("{} {}{}", iso_text(period.from),
                       period.until ? fmt::format("until {}", iso_text(*period.until)) : "on",
                       period.settled ? "" : " (not settled)");
}

std::string dates_text(Rule const& rule) {
    std::string out;
    for (auto const& period : rule.in_force) {
        out += (out.empty() ? "" : ", ") + period_text(period);
    }
    return out.empty() ? "never: " + rule.never_in_force : out;
}

} // namespace

std::string rule_list_text(RuleSet const& rules) {
    std::string out;
    for (auto const& rule : rules.rules) {
        out += fmt::format("{}: {}\n  in force   {}\n  reach      {}\n", rule.id, rule.title,
                           dates_text(rule), to_words(rule.reach, rule.limits));
        out += rule.predicate ? fmt::format("  catches    {}\n", to_words(*rule.predicate, rule.limits))
                              : fmt::format("  not tested {}\n", rule.not_evaluated);
        out += fmt::format("  outcome    {}\n", words_of(rule.outcome));
        for (auto const& exception : rule.exceptions) {
            out += fmt::format("  exception  {}: {}: {}\n", to_words(exception.when, rule.limits),
                               words_of(exception.outcome), exception.title);
        }
        if (!rule.relaxes.empty()) {
            out += fmt::format("  relaxes    {}\n", fmt::join(rule.relaxes, ", "));
        }
        for (auto const& alternative : rule.alternatives) {
            std::string limits;
            for (auto const& [name, limit] : alternative.limits) {
                limits += fmt::format(" {} {}", name, limit.written);
            }
            out += fmt::format("  limits     {}:{} ({}, {})\n", alternative.name, limits, alternative.source,
                               name_of(alternative.confidence));
        }
        for (auto const& condition : rule.conditions) {
            out += fmt::format("  condition  {} (not evaluated)\n", condition);
        }
        out += fmt::format("  source     {} ({})\n", rule.source, name_of(rule.confidence));
        out += rule.edited.empty() ? "" : fmt::format("  what-if    {}\n", rule.edited);
        out += rule.verified.empty() ? "" : fmt::format("  verified   {}\n", rule.verified);
        out += rule.note.empty() ? "\n" : fmt::format("  note       {}\n\n", rule.note);
    }
    return out;
}

Json rule_list_json(RuleSet const& rules) {
    auto list = Json::array();
    for (auto const& rule : rules.rules) {
        auto periods = Json::array();
        for (auto const& period : rule.in_force) {
            periods.add(Json::object()
                            .set("from", iso_text(period.from))
                            .set("until", period.until ? Json{iso_text(*period.until)} : Json{})
                            .set("settled", period.settled));
        }
        list.add(Json::object()
                     .set("id", rule.id)
                     .set("title", rule.title)
                     .set("jurisdiction", rule.jurisdiction)
                     .set("in_force", std::move(periods))
                     .set("reach", to_source(rule.reach))
                     .set("predicate", rule.predicate ? Json{to_source(*rule.predicate)} : Json{})
                     .set("predicate_words",
                          rule.predicate ? Json{to_words(*rule.predicate, rule.limits)} : Json{})
                     .set("outcome", name_of(rule.outcome))
                     .set("relaxes", strings(rule.relaxes))
                     .set("source", rule.source)
                     .set("url", rule.url)
                     .set("confidence", name_of(rule.confidence)));
    }
    return Json::object().set("rules", std::move(list));
}

std::string attribute_list_text() {
    TextTable rows{{{"attribute"}, {"is"}, {"of"}, {"meaning"}}};
    for (auto const& info : attributes()) {
        rows.add_row({std::string{info.name}, std::string{name_of(info.type)}, info.of_deal ? "deal" : "chip",
                      std::string{info.meaning}});
    }
    return rows.text();
}

namespace {

std::string fact_cell(std::optional<hardware::Fact<double>> const& fact) {
    return fact ? fmt::format("{:.6g} ({})", fact->value, name_of(fact->confidence)) : "-";
}

std::string apart_cell(std::optional<hardware::Fact<double>> const& fact, std::optional<double> computed) {
    return fact && computed ? fmt::format("{:+.1f} %", (*computed / fact->value - 1) * 100) : "";
}

std::vector<std::string> performance_row(hardware::Chip const& chip) {
    auto const stated = fact_cell(chip.tpp), stated_density = fact_cell(chip.performance_density);
    auto const tpp = compute_tpp(chip);
    if (!tpp) {
        return {chip.id, stated, "-", "", stated_density, "-", "", "-"};
    }
    auto const density = compute_performance_density(chip, tpp->tpp);
    return {chip.id,
            stated,
            fmt::format("{:.6g}", tpp->tpp),
            apart_cell(chip.tpp, tpp->tpp),
            stated_density,
            density ? fmt::format("{:.4g}", *density) : "-",
            apart_cell(chip.performance_density, density),
            export_control::text_of(*tpp) + (tpp->estimated ? ", an estimate: not used" : "")};
}

} // namespace

std::string performance_text(std::vector<hardware::Chip> const& chips) {
    TextTable rows{{{"chip"},
                    {"TPP of the catalogue", Align::right},
                    {"computed", Align::right},
                    {"apart", Align::right},
                    {"density of the catalogue", Align::right},
                    {"computed", Align::right},
                    {"apart", Align::right},
                    {"computed from"}}};
    for (auto const& chip : chips) {
        rows.add_row(performance_row(chip));
    }
    return rows.text();
}

} // namespace moesaic::cli
