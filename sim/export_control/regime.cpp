#include "export_control/regime.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::export_control {

Regime make_regime(RuleSet rules, Date date, std::string const& destination) {
    Regime out{.rules = std::move(rules),
               .deal = {.date = date, .destination = destination, .headquarters = destination},
               .jurisdictions = {"US"},
               .figures = {},
               .assumptions = {}};
    return out;
}

Regime at_date(Regime regime, Date date) {
    regime.deal.date = date;
    return regime;
}

Regime at_place(Regime regime, std::string destination) {
    regime.deal.destination = std::move(destination);
    return regime;
}

namespace {

Vocabulary vocabulary(Regime const& regime, Limits const& limits, std::vector<std::string> const& ids) {
    return {limits, regime.rules.groups, ids, &regime.rules.words};
}

void edit_limits(Rule& rule, io::TomlTable const& table) {
    for (auto const& [name, limit] : read_limits(table, "limits")) {
        auto const where = table.table("limits").origin(name);
        auto const found = rule.limits.find(name);
        if (found == rule.limits.end()) {
            std::vector<std::string> known;
            for (auto const& [one, value] : rule.limits) {
                known.push_back(one);
            }
            throw InputError{where, fmt::format("rule {} has no limit of this name", rule.id),
                             known.empty() ? "It has none at all: edit its predicate"
                                           : suggestion(name, known)};
        }
        if (found->second.value.index() != limit.value.index()) {
            throw InputError{
                where, fmt::format("{} is not of the kind of {}", limit.written, found->second.written)};
        }
        rule.edited += fmt::format("{}{} {} instead of {}", rule.edited.empty() ? "" : ", ", name,
                                   limit.written, found->second.written);
        found->second = limit;
        rule.chosen_alternative.clear();
    }
}

void edit_text(Rule& rule, std::string const& what) {
    rule.edited += (rule.edited.empty() ? "" : ", ") + what;
}

void edit_rule(Regime& regime, io::TomlTable const& table, std::vector<std::string> const& ids) {
    auto& rule = regime.rules.rule(table.text("rule"), table.origin("rule"));
    edit_limits(rule, table);
    auto const names = vocabulary(regime, rule.limits, ids);
    if (table.has("predicate")) {
        rule.predicate = read_predicate(table, "predicate", names);
        rule.not_evaluated.clear();
        edit_text(rule, fmt::format("predicate \"{}\"", to_source(*rule.predicate)));
    }
    if (table.has("reach")) {
        rule.reach = read_predicate(table, "reach", names);
        edit_text(rule, fmt::format("reach \"{}\"", to_source(rule.reach)));
    }
    if (table.has("in_force")) {
        rule.in_force = read_periods(table, names);
        edit_text(rule, fmt::format("in force from {}", iso_text(rule.in_force.front().from)));
    }
    if (table.has("outcome")) {
        rule.outcome = read_outcome(table, "outcome");
        rule.detail.clear();
        edit_text(rule, fmt::format("outcome {}", name_of(rule.outcome)));
    }
    table.reject_unknown_keys();
    if (rule.edited.empty()) {
        throw InputError{table.origin(), "changes nothing",
                         "Give limits, predicate, reach, in_force or outcome"};
    }
    regime.assumptions.push_back(fmt::format("{}: {}", rule.id, rule.edited));
}

void remove_rules(Regime& regime, io::TomlTable const& table) {
    if (!table.has("remove")) {
        return;
    }
    for (auto const& id : table.texts("remove")) {
        auto& rule =
            regime.rules.rule(id, table.origin("remove")); // stays for rules that refer to its predicate
        rule.in_force.clear();
        rule.never_in_force = rule.edited = "removed";
        regime.assumptions.push_back(fmt::format("{}: removed", id));
    }
}

void add_rules(Regime& regime, std::vector<io::TomlTable> const& added, std::vector<std::string> const& ids) {
    Limits const none;
    for (auto const& table : added) {
        auto rule = read_rule(table, vocabulary(regime, none, ids));
        if (regime.rules.find(rule.id)) {
            throw InputError{rule.origin, fmt::format("there is a rule \"{}\" already", rule.id),
                             "Use [[edit]]"};
        }
        rule.edited = "added";
        regime.assumptions.push_back(fmt::format("{}: added", rule.id));
        regime.rules.rules.push_back(std::move(rule));
    }
    std::ranges::sort(regime.rules.rules, {}, &Rule::id);
}

void choose(Regime& regime, io::TomlTable const& table, std::string_view key) {
    if (auto const choices = table.optional_table(key)) {
        for (auto const& id : choices->keys()) {
            auto const name = choices->text(id);
            choose_alternative(regime.rules, id, name, choices->origin(id));
            regime.assumptions.push_back(fmt::format("{}: alternative {}", id, name));
        }
    }
}

void override_figures(Regime& regime, io::TomlTable const& table) {
    auto const figures = table.optional_table("figures");
    if (!figures) {
        return;
    }
    auto const& known = regime.rules.words.chips;
    for (auto const& [chip, values] : read_figure_overrides(*figures, "assumed by the what-if file")) {
        if (!known.empty() && !std::ranges::count(known, chip)) {
            throw InputError{figures->origin(chip), "is no chip of the catalogue", suggestion(chip, known)};
        }
        for (auto const& [attribute, figure] : values) {
            regime.figures[chip].insert_or_assign(attribute, figure);
            regime.assumptions.push_back(
                fmt::format("{}: {} {}", chip, info_of(attribute).words, text_of(figure.value)));
        }
    }
}

} // namespace

void apply_what_if(Regime& regime, io::TomlTable const& table) {
    if (auto const title = table.optional_text("title")) {
        regime.assumptions.push_back(fmt::format("\"{}\"", *title));
    }
    remove_rules(regime, table);
    choose(regime, table, "choose");
    auto const added = table.tables("add");
    auto ids = regime.rules.ids();
    for (auto const& rule : added) {
        ids.push_back(rule.text("id"));
    }
    for (auto const& edit : table.tables("edit")) {
        edit_rule(regime, edit, ids);
    }
    add_rules(regime, added, ids);
    override_figures(regime, table);
    table.reject_unknown_keys();
    check_references(regime.rules);
}

namespace {

std::string read_end_use(io::TomlTable const& table) {
    auto const name = table.text_or("end_use", "commercial");
    if (!std::ranges::count(end_use_names(), name)) {
        throw InputError{table.origin("end_use"), fmt::format("there is no end use \"{}\"", name),
                         suggestion(name, end_use_names())};
    }
    return name;
}

std::vector<std::string> read_jurisdictions(io::TomlTable const& table, RuleSet const& rules) {
    if (!table.has("jurisdictions")) {
        return {"US"};
    }
    auto const known = rules.jurisdictions();
    auto const out = table.texts("jurisdictions");
    for (auto const& one : out) {
        if (!std::ranges::count(known, one)) {
            throw InputError{table.origin("jurisdictions"), fmt::format("\"{}\" made none of the rules", one),
                             suggestion(one, known)};
        }
    }
    return out;
}

void read_what_if(Regime& regime, io::TomlTable const& table) {
    if (table.is_table("what_if")) {
        apply_what_if(regime, table.table("what_if"));
    } else if (table.has("what_if")) {
        namespace fs = std::filesystem;
        auto const file = fs::path{table.origin().file}.parent_path() / table.text("what_if");
        apply_what_if(regime, io::read_toml_file(file.string()));
    }
}

} // namespace

Regime read_regime(io::TomlTable const& table, RuleSet rules) {
    auto const destination = read_country(table, "destination");
    auto regime = make_regime(std::move(rules), table.date("date"), destination);
    if (table.has("headquarters")) {
        regime.deal.headquarters = read_country(table, "headquarters");
    }
    if (table.has("exported_from")) {
        regime.deal.exported_from = read_country(table, "exported_from");
    }
    regime.deal.end_use = read_end_use(table);
    regime.jurisdictions = read_jurisdictions(table, regime.rules);
    choose(regime, table, "alternatives");
    read_what_if(regime, table);
    table.reject_unknown_keys();
    return regime;
}

} // namespace moesaic::export_control
