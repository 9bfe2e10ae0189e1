#include "export_control/verdict.hpp"

#include "export_control/processing_performance.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::export_control {

std::string_view outcome_name(std::optional<Outcome> outcome) {
    return outcome ? name_of(*outcome) : std::string_view{"undecided"};
}

namespace {

/// null where the rule is not in force on this day
Period const* period_at(Rule const& rule, Date date) {
    auto const found = std::ranges::find_if(rule.in_force, [&](Period const& period) {
        return period.from <= date && (!period.until || date < *period.until);
    });
    return found == rule.in_force.end() ? nullptr : &*found;
}

bool counts(Rule const& rule, Regime const& regime) {
    return rule.predicate && std::ranges::count(regime.jurisdictions, rule.jurisdiction) > 0;
}

/// The two as one: the one that fails explains a no, both explain a yes.
Explanation both(Explanation a, Explanation b) {
    if (a.truth == Truth::no || b.truth == Truth::no) {
        return a.truth == Truth::no ? a : b;
    }
    if (a.truth == b.truth) {
        a.words = b.words.empty() ? a.words : a.words.empty() ? b.words : a.words + " and " + b.words;
        a.used.merge(b.used);
        a.missing.merge(b.missing);
        return a;
    }
    return a.truth == Truth::unknown ? a : b;
}

Explanation explain_period(Rule const& rule, Period const* period, Case const& where) {
    if (!period) {
        return {Truth::no, fmt::format("{} is not in force", rule.id), {}, {}};
    }
    if (!period->settled) {
        return {Truth::unknown,
                fmt::format("no source says whether {} is in force", rule.id),
                {},
                {fmt::format("whether {} is in force", rule.id)}};
    }
    return period->only ? explain(*period->only, rule.limits, where) : Explanation{Truth::yes, "", {}, {}};
}

} // namespace

Explanation explain_rule(Rule const& rule, Figures const& figures, Regime const& regime) {
    Case const where{figures, regime.deal, regime.rules};
    expects(rule.predicate.has_value(), "the rule has a predicate");
    auto reach = explain(rule.reach, rule.limits, where);
    if (reach.truth == Truth::yes) {
        reach.words.clear(); // that the rule reaches the destination goes without saying
        reach.used.clear();
    }
    auto const period = explain_period(rule, period_at(rule, regime.deal.date), where);
    return both(both(reach, period), explain(*rule.predicate, rule.limits, where));
}

std::vector<Rule const*> rules_in_force(Regime const& regime) {
    std::vector<Rule const*> out;
    Figures const nothing{""};
    Case const where{nothing, regime.deal, regime.rules};
    for (auto const& rule : regime.rules.rules) {
        if (counts(rule, regime) && period_at(rule, regime.deal.date) &&
            evaluate(rule.reach, rule.limits, where) != Truth::no) {
            out.push_back(&rule);
        }
    }
    return out;
}

namespace {

/// A rule that catches the chip, or may: with the outcome after exceptions and milder rules.
struct Finding {
    Rule const* rule;
    Explanation why;
    std::optional<Outcome> outcome; ///< none where an exception hangs on an unknown figure
    std::string decided_by;         ///< the rule or the one that relaxes it
    std::string detail;
    std::set<std::string> missing;
};

void apply_exceptions(Finding& finding, Case const& where) {
    for (auto const& exception : finding.rule->exceptions) {
        auto const why = explain(exception.when, finding.rule->limits, where);
        if (why.truth == Truth::no) {
            continue;
        }
        if (why.truth == Truth::yes) {
            finding.outcome = exception.outcome;
            finding.detail = exception.title;
            finding.why.words += "; exception: " + why.words;
            finding.why.used.insert(why.used.begin(), why.used.end());
        } else if (exception.outcome != finding.outcome) {
            finding.outcome.reset();
            finding.missing = why.missing;
        }
        return;
    }
}

/// Milder rules take a rule's place where they hold.
void apply_relaxing(Finding& finding, std::vector<Rule const*> const& rules, Figures const& figures,
                    Regime const& regime) {
    for (auto const* const milder : rules) {
        if (!std::ranges::count(milder->relaxes, finding.rule->id) || !finding.outcome ||
            milder->outcome >= *finding.outcome) {
            continue;
        }
        auto const why = explain_rule(*milder, figures, regime);
        if (why.truth == Truth::unknown) {
            finding.outcome.reset();
            finding.missing = why.missing;
        } else if (why.truth == Truth::yes) {
            finding.outcome = milder->outcome;
            finding.decided_by = milder->id;
            finding.detail = milder->detail;
            finding.why.words += fmt::format("; {}: {}", milder->id, why.words);
            finding.why.used.insert(why.used.begin(), why.used.end());
        }
    }
}

std::vector<Finding> find_all(Figures const& figures, Regime const& regime) {
    std::vector<Finding> out;
    auto const rules = rules_in_force(regime);
    for (auto const* const rule : rules) {
        if (!rule->relaxes.empty() || rule->outcome == Outcome::allowed) {
            continue;
        }
        auto why = explain_rule(*rule, figures, regime);
        if (why.truth == Truth::no) {
            continue;
        }
        Finding finding{rule, std::move(why), rule->outcome, rule->id, rule->detail, {}};
        apply_exceptions(finding, {figures, regime.deal, regime.rules});
        apply_relaxing(finding, rules, figures, regime);
        out.push_back(std::move(finding));
    }
    return out;
}

/// As strict as the rule can be, whatever the exception turns out to say.
Outcome strictest(Finding const& f) { return f.outcome.value_or(f.rule->outcome); }

/// null where no rule certainly applies; ties go to the smaller id
Finding const* deciding(std::vector<Finding> const& findings) {
    Finding const* best = nullptr;
    for (auto const& finding : findings) {
        if (finding.why.truth == Truth::yes && (!best || strictest(finding) > strictest(*best))) {
            best = &finding;
        }
    }
    return best;
}

std::vector<std::string> sorted(std::set<std::string> const& names) { return {names.begin(), names.end()}; }

void list_open(Verdict& verdict, std::vector<Finding> const& findings, Outcome at_least) {
    for (auto const& finding : findings) {
        if (finding.why.truth == Truth::unknown && strictest(finding) > at_least) {
            verdict.open.push_back({finding.rule->id, strictest(finding), sorted(finding.why.missing)});
        }
    }
}

void use_figures(Verdict& verdict, std::set<Attribute> const& used, Case const& where) {
    for (auto const attribute : used) {
        if (auto const value = value_of(attribute, where); value && attribute != Attribute::chip) {
            auto const* const figure = where.figures.find(attribute);
            verdict.figures.push_back({attribute, *value, figure ? figure->source : ""});
        }
    }
}

void add_prices(Verdict& verdict, Figures const& figures, Regime const& regime) {
    for (auto const* const rule : rules_in_force(regime)) {
        auto const relevant = rule->relaxes.empty() || rule->id == verdict.rule;
        if (rule->price != PriceModifiers{} && relevant &&
            explain_rule(*rule, figures, regime).truth == Truth::yes) {
            verdict.price.import_duty += rule->price.import_duty;
            verdict.price.revenue_share += rule->price.revenue_share;
            verdict.priced_by.push_back(rule->id);
        }
    }
}

/// Whether a rule reaches the deal because of its end use.
bool is_about_end_use(Rule const& rule, Regime const& regime) {
    auto commercial = regime.deal;
    commercial.end_use = "commercial";
    Figures const nothing{""};
    return evaluate(rule.reach, rule.limits, {nothing, commercial, regime.rules}) == Truth::no;
}

/// That nothing forbids a chip says little of an end use for which the catalogue holds no rule.
std::string why_allowed(Figures const& figures, Regime const& regime) {
    auto const* const origin = figures.find(Attribute::us_origin);
    std::string out = "no rule applies";
    out += origin && !std::get<bool>(origin->value) ? ": not of US origin" : "";
    auto const rules = rules_in_force(regime);
    auto const known =
        std::ranges::any_of(rules, [&](Rule const* rule) { return is_about_end_use(*rule, regime); });
    if (regime.deal.end_use != "commercial" && !known) {
        out +=
            fmt::format("; the catalogue holds no rule on the end use {} in force here", regime.deal.end_use);
    }
    return out;
}

/// What the open rules leave undecided.
void leave_undecided(Verdict& verdict, std::vector<Finding> const& findings) {
    std::set<std::string> missing;
    for (auto const& finding : findings) {
        if (finding.why.truth == Truth::unknown) {
            missing.insert(finding.why.missing.begin(), finding.why.missing.end());
            verdict.predicate += (verdict.predicate.empty() ? "" : "; ") +
                                 fmt::format("{}: {}", finding.rule->id, finding.why.words);
        }
    }
    verdict.outcome.reset();
    verdict.missing = sorted(missing);
}

/// Outcome, rule and reason, without what others numbers would change.
Verdict decide(Figures const& figures, Regime const& regime) {
    auto const findings = find_all(figures, regime);
    Verdict verdict;
    verdict.chip = figures.chip();
    verdict.outcome = Outcome::allowed;
    if (auto const* const best = deciding(findings)) {
        verdict.outcome = best->outcome;
        verdict.rule = best->decided_by;
        verdict.detail = best->detail;
        verdict.predicate = best->why.words;
        verdict.missing = sorted(best->missing);
        use_figures(verdict, best->why.used, {figures, regime.deal, regime.rules});
        list_open(verdict, findings, strictest(*best));
    } else {
        list_open(verdict, findings, Outcome::allowed);
        verdict.predicate = verdict.open.empty() ? why_allowed(figures, regime) : "";
        if (!verdict.open.empty()) {
            leave_undecided(verdict, findings);
        }
    }
    add_prices(verdict, figures, regime);
    return verdict;
}

/// Whether the rule is settled by what is no number (origin, name, data centre or not): then no limit matters.
bool numbers_cannot_matter(Rule const& rule, Figures figures, Regime const& regime) {
    for (auto const& info : attributes()) {
        if (auto const* const figure = figures.find(info.attribute); figure && magnitude(figure->value)) {
            figures.forget(info.attribute);
        }
    }
    return explain_rule(rule, figures, regime).truth == Truth::no;
}

/// The outcome with the figure just on the other side of the limit.
std::optional<Outcome> outcome_beyond(NearLimit const& near, Figures figures, Regime const& regime) {
    auto const limit = *magnitude(near.limit.value);
    auto const value = *magnitude(near.figure);
    auto const other_side = value < limit ? limit * (1 + 1e-9) : limit * (1 - 1e-9);
    figures.set(near.attribute, {with_magnitude(near.figure, other_side), "assumed"});
    return decide(figures, regime).outcome;
}

void find_near_limits(Verdict& verdict, Figures const& figures, Regime const& regime) {
    for (auto const* const rule : rules_in_force(regime)) {
        auto const only_price = rule->relaxes.empty() && rule->outcome == Outcome::allowed;
        if (only_price || numbers_cannot_matter(*rule, figures, regime)) {
            continue;
        }
        for_each_comparison(
            *rule->predicate, rule->limits, regime.rules, [&](Comparison const& c, Limit const& l) {
                auto const* const figure = figures.find(c.attribute);
                auto const number = figure ? magnitude(figure->value) : std::nullopt;
                auto const limit = magnitude(l.value);
                if (!number || !limit || *limit <= 0 || std::abs(*number - *limit) > near_share * *limit) {
                    return;
                }
                NearLimit near{rule->id, c.attribute, figure->value, l, (*number - *limit) / *limit,
                               {},       false};
                near.beyond = outcome_beyond(near, figures, regime);
                near.changes_outcome = near.beyond != verdict.outcome;
                auto const same = [&](NearLimit const& one) {
                    return one.attribute == near.attribute && one.limit.value == near.limit.value;
                };
                if (std::ranges::none_of(verdict.near_limits, same)) {
                    verdict.near_limits.push_back(std::move(near));
                }
            });
    }
}

/// Thresholds that sources disagree on, tried one after the other.
void try_other_thresholds(Verdict& verdict, Figures const& figures, Regime const& regime) {
    for (auto const* const rule : rules_in_force(regime)) {
        for (auto const& alternative : rule->alternatives) {
            if (alternative.name == rule->chosen_alternative) {
                continue;
            }
            auto other = regime;
            choose_alternative(other.rules, rule->id, alternative.name, rule->origin);
            if (auto const outcome = decide(figures, other).outcome; outcome != verdict.outcome) {
                verdict.other_thresholds.push_back({rule->id, alternative.name, outcome});
            }
        }
    }
}

} // namespace

namespace {

constexpr double tpp_apart = 0.05; ///< more than rounding in data sheets explains

/// The catalogue's TPP is used even where its peaks give another one; that must be told.
std::optional<std::string> remark_on_tpp(hardware::Chip const& chip, FigureOverrides const& overrides) {
    auto const computed = compute_tpp(chip);
    auto const other = overrides.find(chip.id);
    auto const assumed = other != overrides.end() && other->second.contains(Attribute::tpp);
    if (assumed || !chip.tpp || !computed || computed->estimated ||
        std::abs(chip.tpp->value / computed->tpp - 1.0) <= tpp_apart) {
        return std::nullopt;
    }
    return fmt::format("TPP {:.6g} is used ({}, {}); its peaks give {:.6g} ({})", chip.tpp->value,
                       chip.tpp->source, name_of(chip.tpp->confidence), computed->tpp, text_of(*computed));
}

} // namespace

Verdict evaluate(Figures const& figures, Regime const& regime) {
    auto verdict = decide(figures, regime);
    find_near_limits(verdict, figures, regime);
    try_other_thresholds(verdict, figures, regime);
    return verdict;
}

Verdict evaluate(hardware::Chip const& chip, Regime const& regime) {
    auto verdict = evaluate(figures_of(chip, regime.figures), regime);
    if (auto const remark = remark_on_tpp(chip, regime.figures)) {
        verdict.remarks.push_back(*remark);
    }
    return verdict;
}

} // namespace moesaic::export_control
