#include "export_control/timeline.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace moesaic::export_control {

namespace {

using Changes = std::map<Date, RegimeChange>;

RegimeChange& change_on(Changes& changes, Date date) {
    auto& change = changes[date];
    change.from = date;
    return change;
}

bool reaches(Rule const& rule, Regime const& regime, Date date) {
    Figures const nothing{""};
    auto deal = regime.deal;
    deal.date = date;
    return evaluate(rule.reach, rule.limits, {nothing, deal, regime.rules}) != Truth::no;
}

/// Begin and end of the periods, where the rule reaches the deal just then.
void add_periods(Changes& changes, Rule const& rule, Regime const& regime) {
    for (auto const& period : rule.in_force) {
        if (reaches(rule, regime, period.from)) {
            change_on(changes, period.from).begins.push_back(rule.id);
        }
        if (period.until && reaches(rule, regime, *period.until - std::chrono::days{1})) {
            change_on(changes, *period.until).ends.push_back(rule.id);
        }
    }
}

/// Days on which a comparison of the date may turn: the first of its limit ("date >= 2023-01-18"), and the first after it
/// ("date <= 2023-01-17").
std::set<Date> turning_days(Rule const& rule) {
    std::set<Date> out;
    for_each_part(rule.reach, [&](Predicate const& part) {
        auto const* const comparison = std::get_if<Comparison>(&part.node);
        if (comparison && comparison->attribute == Attribute::date) {
            auto const limit = std::get<DateSpan>(limit_of(*comparison, rule.limits).value);
            out.insert({limit.first, limit.last + std::chrono::days{1}});
        }
    });
    return out;
}

/// Days that the reach itself names, where they change it and the rule is in force.
void add_reach(Changes& changes, Rule const& rule, Regime const& regime) {
    for (auto const day : turning_days(rule)) {
        auto const in_force = std::ranges::any_of(rule.in_force, [&](Period const& period) {
            return period.from < day && (!period.until || day < *period.until);
        });
        auto const before = reaches(rule, regime, day - std::chrono::days{1});
        auto const after = reaches(rule, regime, day);
        if (in_force && before != after) {
            auto& change = change_on(changes, day);
            (after ? change.begins : change.ends).push_back(rule.id);
        }
    }
}

} // namespace

std::vector<RegimeChange> regime_changes(Regime const& regime) {
    Changes changes;
    for (auto const& rule : regime.rules.rules) {
        if (rule.predicate && std::ranges::count(regime.jurisdictions, rule.jurisdiction) > 0) {
            add_periods(changes, rule, regime);
            add_reach(changes, rule, regime);
        }
    }
    std::vector<RegimeChange> out;
    for (auto& [date, change] : changes) {
        // one period of a rule may follow another: it goes on, with another reach
        std::erase_if(change.ends,
                      [&](std::string const& id) { return std::ranges::count(change.begins, id) > 0; });
        out.push_back(std::move(change));
    }
    return out;
}

Date last_change(RuleSet const& rules) {
    Date last{};
    for (auto const& rule : rules.rules) {
        for (auto const& period : rule.in_force) {
            if (rule.predicate && period.settled) {
                last = std::max({last, period.from, period.until.value_or(period.from)});
            }
        }
    }
    return last;
}

Timeline make_timeline(std::vector<hardware::Chip> const& chips, Regime const& regime) {
    Timeline out{.changes = regime_changes(regime), .rows = {}};
    std::vector<Regime> regimes;
    for (auto const& change : out.changes) {
        if (regimes.empty()) {
            regimes.push_back(at_date(regime, change.from - std::chrono::days{1}));
        }
        regimes.push_back(at_date(regime, change.from));
    }
    for (auto const& chip : chips) {
        Timeline::Row row{chip.id, {}};
        for (auto const& one : regimes) {
            row.verdicts.push_back(evaluate(chip, one));
        }
        out.rows.push_back(std::move(row));
    }
    return out;
}

} // namespace moesaic::export_control
