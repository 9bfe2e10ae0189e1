#include "export_control/rule_set.hpp"

#include "base/nearest_names.hpp"
#include "io/toml.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace moesaic::export_control {

namespace fs = std::filesystem;

Rule const* RuleSet::find(std::string_view id) const {
    auto const found = std::ranges::find(rules, id, &Rule::id);
    return found == rules.end() ? nullptr : &*found;
}

Rule* RuleSet::find(std::string_view id) {
    auto const found = std::ranges::find(rules, id, &Rule::id);
    return found == rules.end() ? nullptr : &*found;
}

Rule& RuleSet::rule(std::string const& id, Origin const& asked_at) {
    auto* const found = find(id);
    if (!found) {
        throw InputError{asked_at, fmt::format("there is no rule \"{}\"", id), suggestion(id, ids())};
    }
    return *found;
}

std::vector<std::string> RuleSet::ids() const {
    std::vector<std::string> out;
    for (auto const& rule : rules) {
        out.push_back(rule.id);
    }
    return out;
}

std::vector<std::string> RuleSet::jurisdictions() const {
    std::set<std::string> out;
    for (auto const& rule : rules) {
        out.insert(rule.jurisdiction);
    }
    return {out.begin(), out.end()};
}

namespace {

/// Depth first over rule(...); `above` is the way to this rule.
void check_rule(RuleSet const& rules, Rule const& rule, std::vector<std::string>& above) {
    if (std::ranges::count(above, rule.id)) {
        throw InputError{rule.origin,
                         fmt::format("refers to itself: {} -> {}", fmt::join(above, " -> "), rule.id)};
    }
    above.push_back(rule.id);
    auto const enter = [&](Predicate const& part) {
        if (auto const* reference = std::get_if<RuleReference>(&part.node)) {
            auto const* const other = rules.find(reference->rule);
            if (!other || !other->predicate) {
                throw InputError{rule.origin, fmt::format("refers to rule {}, which {}", reference->rule,
                                                          other ? "has no predicate" : "does not exist")};
            }
            check_rule(rules, *other, above);
        }
    };
    if (rule.predicate) {
        for_each_part(*rule.predicate, enter);
    }
    for_each_part(rule.reach, enter);
    above.pop_back();
}

/// The ids are the names of the files, so that predicates may name rules that are read later.
std::vector<std::string> file_ids(std::string const& folder) {
    std::error_code error;
    std::vector<std::string> out;
    for (auto const& entry : fs::directory_iterator{folder, error}) {
        if (entry.path().extension() == ".toml" && entry.path().stem() != "country_groups") {
            out.push_back(entry.path().stem().string());
        }
    }
    if (error || out.empty()) {
        throw InputError{Origin::whole_file(folder), "holds no rules (*.toml)"};
    }
    std::ranges::sort(out);
    return out;
}

} // namespace

void check_references(RuleSet const& rules) {
    for (auto const& rule : rules.rules) {
        std::vector<std::string> above;
        check_rule(rules, rule, above);
    }
}

KnownWords known_words(std::vector<hardware::Chip> const& chips) {
    std::set<std::string> ids, vendors;
    std::set<std::string> kinds{"memory"}; // a loose memory stack, of which the catalogue has none
    for (auto const& chip : chips) {
        ids.insert(chip.id);
        vendors.insert(chip.vendor);
        kinds.insert(chip.kind);
    }
    return {{ids.begin(), ids.end()}, {vendors.begin(), vendors.end()}, {kinds.begin(), kinds.end()}};
}

RuleSet read_rules(std::string const& folder, KnownWords words) {
    auto const ids = file_ids(folder);
    RuleSet out{.rules = {},
                .groups = read_country_groups(io::read_toml_file(folder + "/country_groups.toml")),
                .words = std::move(words)};
    Limits const none;
    for (auto const& id : ids) {
        auto const table = io::read_toml_file(fmt::format("{}/{}.toml", folder, id));
        out.rules.push_back(read_rule(table, {none, out.groups, ids, &out.words}));
        if (out.rules.back().id != id) {
            throw InputError{table.origin("id"),
                             fmt::format("is \"{}\", but the file is named {}", out.rules.back().id, id)};
        }
    }
    check_references(out);
    return out;
}

void choose_alternative(RuleSet& rules, std::string const& id, std::string const& name,
                        Origin const& asked_at) {
    auto& rule = rules.rule(id, asked_at);
    auto const found = std::ranges::find(rule.alternatives, name, &Alternative::name);
    if (found == rule.alternatives.end()) {
        std::vector<std::string> known;
        for (auto const& one : rule.alternatives) {
            known.push_back(one.name);
        }
        throw InputError{asked_at, fmt::format("rule {} has no alternative \"{}\"", id, name),
                         known.empty() ? "It has no alternatives" : suggestion(name, known)};
    }
    for (auto const& [limit, value] : found->limits) {
        rule.limits.insert_or_assign(limit, value);
    }
    rule.chosen_alternative = name;
}

} // namespace moesaic::export_control
