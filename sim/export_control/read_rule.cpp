#include "base/nearest_names.hpp"
#include "export_control/rule.hpp"
#include "hardware/read_fact.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::export_control {

Outcome read_outcome(io::TomlTable const& table, std::string_view key) {
    auto const name = table.text(key);
    if (auto const found = find_outcome(name)) {
        return *found;
    }
    throw InputError{table.origin(key), fmt::format("there is no outcome \"{}\"", name),
                     suggestion(name, outcome_names())};
}

Limits read_limits(io::TomlTable const& table, std::string_view key) {
    Limits out;
    if (!table.has(key)) {
        return out;
    }
    auto const limits = table.table(key);
    for (auto const& name : limits.keys()) {
        if (find_attribute(name)) {
            throw InputError{limits.origin(name), "is the name of an attribute and cannot name a limit"};
        }
        auto const text = limits.is_text(name) ? limits.text(name) : fmt::format("{}", limits.number(name));
        std::optional<Value> value;
        for (auto const type : {ValueType::number, ValueType::bandwidth, ValueType::size, ValueType::power,
                                ValueType::area, ValueType::bandwidth_density, ValueType::date}) {
            value = value ? value : parse_value(type, text);
        }
        if (!value) {
            throw InputError{limits.origin(name), fmt::format("\"{}\" is no limit", text),
                             "Write a number such as 4800, or an amount with its unit such as \"1400 GB/s\""};
        }
        out.emplace(name, Limit{*value, text});
    }
    return out;
}

namespace {

Period read_period(io::TomlTable const& table, Vocabulary const& names) {
    Period period{.from = table.date("from"),
                  .until = table.has("until") ? std::optional{table.date("until")} : std::nullopt,
                  .settled = table.boolean_or("settled", true),
                  .only =
                      table.has("only") ? std::optional{read_predicate(table, "only", names)} : std::nullopt,
                  .note = table.text_or("note", "")};
    if (period.until && *period.until <= period.from) {
        throw InputError{table.origin("until"), fmt::format("ends on {}, not after its beginning on {}",
                                                            iso_text(*period.until), iso_text(period.from))};
    }
    table.reject_unknown_keys();
    return period;
}

Exception read_exception(io::TomlTable const& table, Vocabulary const& names) {
    Exception out{.title = table.text("title"),
                  .when = read_predicate(table, "when", names),
                  .outcome = read_outcome(table, "outcome"),
                  .source = hardware::read_source(table),
                  .confidence = hardware::read_confidence(table),
                  .note = table.text_or("note", "")};
    table.reject_unknown_keys();
    return out;
}

Alternative read_alternative(io::TomlTable const& table, Limits const& own) {
    Alternative out{.name = table.text("name"),
                    .limits = read_limits(table, "limits"),
                    .source = hardware::read_source(table),
                    .confidence = hardware::read_confidence(table),
                    .note = table.text_or("note", "")};
    for (auto const& [name, limit] : out.limits) {
        auto const found = own.find(name);
        auto const where = table.table("limits").origin(name);
        if (found == own.end()) {
            throw InputError{where, "is no limit of this rule"};
        }
        if (found->second.value.index() != limit.value.index()) {
            throw InputError{
                where, fmt::format("{} is not of the kind of {}", limit.written, found->second.written)};
        }
    }
    table.reject_unknown_keys();
    return out;
}

double read_share(io::TomlTable const& table, std::string_view key) {
    auto const share = table.number_or(key, 0.0);
    if (!(share >= 0.0 && share <= 1.0)) {
        throw InputError{table.origin(key), fmt::format("{} is no share (from 0 to 1)", share)};
    }
    return share;
}

PriceModifiers read_price(io::TomlTable const& rule) {
    auto const table = rule.optional_table("price");
    if (!table) {
        return {};
    }
    PriceModifiers out{.import_duty = read_share(*table, "import_duty"),
                       .revenue_share = read_share(*table, "revenue_share")};
    table->reject_unknown_keys();
    return out;
}

void use_limits_of(Predicate const& predicate, std::vector<std::string>& used) {
    for_each_part(predicate, [&](Predicate const& part) {
        if (auto const* comparison = std::get_if<Comparison>(&part.node)) {
            if (auto const* name = std::get_if<LimitName>(&comparison->limit)) {
                used.push_back(name->name);
            }
        }
    });
}

/// A limit that nothing asks for is a typing error in its name.
void check_limits_are_used(io::TomlTable const& table, Rule const& rule) {
    std::vector<std::string> used;
    use_limits_of(rule.reach, used);
    for (auto const& exception : rule.exceptions) {
        use_limits_of(exception.when, used);
    }
    for (auto const& period : rule.in_force) {
        if (period.only) {
            use_limits_of(*period.only, used);
        }
    }
    if (rule.predicate) {
        use_limits_of(*rule.predicate, used);
    }
    for (auto const& [name, limit] : rule.limits) {
        if (!std::ranges::count(used, name)) {
            throw InputError{table.table("limits").origin(name), "is used by no predicate of this rule"};
        }
    }
}

std::vector<std::string> read_relaxes(io::TomlTable const& table, std::vector<std::string> const& rules) {
    if (!table.has("relaxes")) {
        return {};
    }
    auto out = table.texts("relaxes");
    for (auto const& id : out) {
        if (!std::ranges::count(rules, id)) {
            throw InputError{table.origin("relaxes"), fmt::format("there is no rule \"{}\"", id),
                             suggestion(id, rules)};
        }
    }
    return out;
}

/// Exactly one of the two keys: what it is, or why it is not there.
void expect_one_of(io::TomlTable const& table, std::string_view what, std::string_view why_not) {
    if (table.has(what) == table.has(why_not)) {
        throw InputError{table.origin(),
                         fmt::format("needs either {} or {} (the reason why there is none)", what, why_not)};
    }
}

void read_lists(io::TomlTable const& table, Vocabulary const& own, Rule& rule) {
    for (auto const& exception : table.tables("exceptions")) {
        rule.exceptions.push_back(read_exception(exception, own));
    }
    for (auto const& alternative : table.tables("alternatives")) {
        if (rule.alternatives.empty()) {
            rule.alternatives.push_back({"as_given", rule.limits, rule.source, rule.confidence, ""});
            rule.chosen_alternative = "as_given";
        }
        rule.alternatives.push_back(read_alternative(alternative, rule.limits));
    }
    if (table.has("conditions")) {
        rule.conditions = table.texts("conditions");
    }
    if (table.has("units_per_customer")) {
        rule.units_per_customer = table.count("units_per_customer", 1);
    }
}

} // namespace

std::vector<Period> read_periods(io::TomlTable const& table, Vocabulary const& names) {
    std::vector<Period> out;
    auto const tables = table.tables("in_force");
    if (tables.empty() && table.has("in_force")) {
        throw InputError{table.origin("in_force"), "holds no period", "Write { from = \"2025-04-09\" }"};
    }
    for (auto const& one : tables) {
        auto const period = read_period(one, names);
        if (!out.empty() && (!out.back().until || *out.back().until > period.from)) {
            throw InputError{one.origin("from"),
                             fmt::format("begins on {}, but the period before it {}", iso_text(period.from),
                                         out.back().until
                                             ? fmt::format("ends on {}", iso_text(*out.back().until))
                                             : "has no end"),
                             "Periods stand in order and do not overlap"};
        }
        out.push_back(period);
    }
    return out;
}

Rule read_rule(io::TomlTable const& table, Vocabulary const& names) {
    auto const limits = read_limits(table, "limits");
    Vocabulary const own{limits, names.groups, names.rules, names.words};
    expect_one_of(table, "in_force", "never_in_force");
    expect_one_of(table, "predicate", "not_evaluated");
    Rule rule{.id = table.text("id"),
              .title = table.text("title"),
              .jurisdiction = read_country(table, "jurisdiction"),
              .in_force = read_periods(table, own),
              .never_in_force = table.text_or("never_in_force", ""),
              .limits = limits,
              .reach = read_predicate(table, "reach", own),
              .predicate = table.has("predicate") ? std::optional{read_predicate(table, "predicate", own)}
                                                  : std::nullopt,
              .not_evaluated = table.text_or("not_evaluated", ""),
              .outcome = read_outcome(table, "outcome"),
              .detail = table.text_or("detail", ""),
              .exceptions = {},
              .relaxes = read_relaxes(table, names.rules),
              .price = read_price(table),
              .alternatives = {},
              .chosen_alternative = {},
              .units_per_customer = {},
              .conditions = {},
              .source = hardware::read_source(table),
              .url = table.text_or("url", ""),
              .confidence = hardware::read_confidence(table),
              .verified = table.text_or("verified", ""),
              .note = table.text_or("note", ""),
              .origin = table.origin("id"),
              .edited = {}};
    read_lists(table, own, rule);
    check_limits_are_used(table, rule);
    table.reject_unknown_keys();
    return rule;
}

} // namespace moesaic::export_control
