#include "export_control/evaluate_predicate.hpp"

#include "base/overloaded.hpp"

#include <fmt/format.h>

namespace moesaic::export_control {

namespace {

Value deal_value(Attribute attribute, Deal const& deal) {
    switch (attribute) {
    case Attribute::date:
        return DateSpan{deal.date, deal.date};
    case Attribute::destination:
        return deal.destination;
    case Attribute::headquarters:
        return deal.headquarters;
    case Attribute::exported_from:
        return deal.exported_from;
    default:
        expects(attribute == Attribute::end_use, "the attribute is one of the deal");
        return deal.end_use;
    }
}

Rule const& referred(RuleReference const& reference, RuleSet const& rules) {
    auto const* const rule = rules.find(reference.rule);
    expects(rule && rule->predicate, "rules refer only to rules with a predicate");
    return *rule;
}

} // namespace

std::optional<Value> value_of(Attribute attribute, Case const& where) {
    if (info_of(attribute).of_deal) {
        return deal_value(attribute, where.deal);
    }
    auto const* const figure = where.figures.find(attribute);
    return figure ? std::optional{figure->value} : std::nullopt;
}

namespace {

Explanation open_for(Attribute attribute, std::string const& wanted) {
    auto const& info = info_of(attribute);
    return {Truth::unknown,
            fmt::format("{} is not known ({})", info.words, wanted),
            {},
            {std::string{info.name}}};
}

Explanation explain_flag(Flag flag, Case const& where) {
    auto const value = value_of(flag.attribute, where);
    auto const& info = info_of(flag.attribute);
    if (!value) {
        return open_for(flag.attribute, "true or false");
    }
    auto const yes = std::get<bool>(*value);
    return {truth_of(yes), fmt::format("{}{}", yes ? "" : "not ", info.words), {flag.attribute}, {}};
}

Explanation explain_comparison(Comparison const& c, Limits const& limits, Case const& where) {
    auto const& info = info_of(c.attribute);
    auto const& limit = limit_of(c, limits);
    auto const value = value_of(c.attribute, where);
    if (!value) {
        return open_for(c.attribute,
                        fmt::format("limit: {} {}", words_of(c.relation, info.type), limit.written));
    }
    auto const truth = compare(*value, c.relation, limit.value);
    if (truth == Truth::unknown) {
        return open_for(c.attribute, fmt::format("only {}; limit: {} {}", text_of(*value),
                                                 words_of(c.relation, info.type), limit.written));
    }
    auto const holds = truth == Truth::yes ? c.relation : negated(c.relation);
    auto const words = info.type == ValueType::word || info.type == ValueType::country
                           ? fmt::format("{} is {}", info.words, text_of(*value))
                           : fmt::format("{} {} is {} {}", info.words, text_of(*value),
                                         words_of(holds, info.type), limit.written);
    return {truth, words, {c.attribute}, {}};
}

Explanation explain_membership(Membership const& m, Case const& where) {
    auto const& info = info_of(m.attribute);
    auto const value = value_of(m.attribute, where);
    if (!value) {
        return open_for(m.attribute, words_of(m.entries));
    }
    auto const in = truth_of(contains(where.rules.groups, m.entries, std::get<std::string>(*value)));
    auto const set = info.type == ValueType::country && in == Truth::yes && m.entries.size() == 1 &&
                             m.entries.front() != text_of(*value)
                         ? fmt::format(" ({})", m.entries.front())
                         : "";
    return {in, fmt::format("{} is {}{}", info.words, text_of(*value), set), {m.attribute}, {}};
}

/// Parts of an "all" where `decisive` is no, of an "any" where it is yes: one such part settles it; without one,
/// the unknown parts keep it open; without those, all parts together decide.
Explanation explain_parts(std::vector<Predicate> const& parts, Truth decisive, Limits const& limits,
                          Case const& where) {
    Explanation out{.truth = !decisive, .words = {}, .used = {}, .missing = {}};
    std::vector<Explanation> all;
    for (auto const& part : parts) {
        all.push_back(explain(part, limits, where));
        if (all.back().truth == decisive) {
            return all.back();
        }
        out.truth = all.back().truth == Truth::unknown ? Truth::unknown : out.truth;
    }
    for (auto& part : all) {
        if (part.truth == out.truth) {
            out.words += (out.words.empty() ? "" : " and ") + part.words;
            out.used.merge(part.used);
            out.missing.merge(part.missing);
        }
    }
    return out;
}

} // namespace

Explanation explain(Predicate const& predicate, Limits const& limits, Case const& where) {
    return std::visit(
        overloaded{
            [](Constant c) { return Explanation{truth_of(c.value), c.value ? "always" : "never", {}, {}}; },
            [&](Flag f) { return explain_flag(f, where); },
            [&](Comparison const& c) { return explain_comparison(c, limits, where); },
            [&](Membership const& m) { return explain_membership(m, where); },
            [&](RuleReference const& r) {
                auto const& rule = referred(r, where.rules);
                return explain(*rule.predicate, rule.limits, where);
            },
            [&](Not const& n) {
                auto inner = explain(n.inner.front(), limits, where);
                inner.truth = !inner.truth;
                return inner;
            },
            [&](All const& a) { return explain_parts(a.parts, Truth::no, limits, where); },
            [&](Any const& a) { return explain_parts(a.parts, Truth::yes, limits, where); }},
        predicate.node);
}

Truth evaluate(Predicate const& predicate, Limits const& limits, Case const& where) {
    return explain(predicate, limits, where).truth;
}

void for_each_comparison(Predicate const& predicate, Limits const& limits, RuleSet const& rules,
                         std::function<void(Comparison const&, Limit const&)> const& visit) {
    for_each_part(predicate, [&](Predicate const& part) {
        if (auto const* comparison = std::get_if<Comparison>(&part.node)) {
            visit(*comparison, limit_of(*comparison, limits));
        } else if (auto const* reference = std::get_if<RuleReference>(&part.node)) {
            auto const& rule = referred(*reference, rules);
            for_each_comparison(*rule.predicate, rule.limits, rules, visit);
        }
    });
}

} // namespace moesaic::export_control
