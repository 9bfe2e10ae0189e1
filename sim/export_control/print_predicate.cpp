#include "base/overloaded.hpp"
#include "export_control/predicate.hpp"

#include <fmt/format.h>

namespace moesaic::export_control {

Limit const& limit_of(Comparison const& comparison, Limits const& limits) {
    if (auto const* name = std::get_if<LimitName>(&comparison.limit)) {
        auto const found = limits.find(name->name);
        expects(found != limits.end(), "the rule has the limit that its predicate names");
        return found->second;
    }
    return std::get<Limit>(comparison.limit);
}

std::string_view words_of(Relation relation, ValueType type) {
    auto const date = type == ValueType::date;
    switch (relation) {
    case Relation::less:
        return date ? "before" : "below";
    case Relation::at_most:
        return date ? "on or before" : "at most";
    case Relation::equal:
        return "equal to";
    case Relation::not_equal:
        return "not";
    case Relation::at_least:
        return date ? "on or after" : "at least";
    case Relation::greater:
        return date ? "after" : "above";
    }
    return {};
}

std::string words_of(std::vector<std::string> const& entries) {
    if (entries.size() == 1) {
        return entries.front();
    }
    std::string out;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        out += (i == 0 ? "" : i + 1 == entries.size() ? " or " : ", ") + entries[i];
    }
    return out;
}

namespace {

std::string set_source(std::vector<std::string> const& entries) {
    return entries.size() == 1 ? entries.front() : fmt::format("{{{}}}", fmt::join(entries, ", "));
}

bool is_group(Predicate const& p) {
    return std::holds_alternative<All>(p.node) || std::holds_alternative<Any>(p.node);
}

std::string bracketed(Predicate const& p) {
    return is_group(p) ? fmt::format("({})", to_source(p)) : to_source(p);
}

/// Every group inside a group keeps its brackets, so that the tree comes back as it was.
std::string joined(std::vector<Predicate> const& parts, std::string_view word) {
    std::string out;
    for (auto const& part : parts) {
        out += (out.empty() ? "" : fmt::format(" {} ", word)) + bracketed(part);
    }
    return out;
}

std::string not_source(Predicate const& inner) {
    if (auto const* set = std::get_if<Membership>(&inner.node)) {
        return fmt::format("{} not in {}", info_of(set->attribute).name, set_source(set->entries));
    }
    return fmt::format("not {}", bracketed(inner));
}

std::string comparison_source(Comparison const& c) {
    auto const limit = std::visit(
        overloaded{[](Limit const& l) { return l.written; }, [](LimitName const& n) { return n.name; }},
        c.limit);
    return fmt::format("{} {} {}", info_of(c.attribute).name, symbol_of(c.relation), limit);
}

} // namespace

std::string to_source(Predicate const& predicate) {
    return std::visit(overloaded{[](Constant c) -> std::string { return c.value ? "true" : "false"; },
                                 [](Flag f) { return std::string{info_of(f.attribute).name}; },
                                 [](Comparison const& c) { return comparison_source(c); },
                                 [](Membership const& m) {
                                     return fmt::format("{} in {}", info_of(m.attribute).name,
                                                        set_source(m.entries));
                                 },
                                 [](RuleReference const& r) { return fmt::format("rule({})", r.rule); },
                                 [](Not const& n) { return not_source(n.inner.front()); },
                                 [](All const& a) { return joined(a.parts, "and"); },
                                 [](Any const& a) { return joined(a.parts, "or"); }},
                      predicate.node);
}

namespace {

std::string comparison_words(Comparison const& c, Relation relation, Limits const& limits) {
    auto const& info = info_of(c.attribute);
    auto const limit = limit_of(c, limits).written;
    return relation == Relation::equal
               ? fmt::format("{} {}", info.words, limit)
               : fmt::format("{} {} {}", info.words, words_of(relation, info.type), limit);
}

std::string not_words(Predicate const& inner, Limits const& limits) {
    return std::visit(
        overloaded{[](Flag f) { return fmt::format("not {}", info_of(f.attribute).words); },
                   [&](Comparison const& c) { return comparison_words(c, negated(c.relation), limits); },
                   [](Membership const& m) {
                       return fmt::format("{} not {}", info_of(m.attribute).words, words_of(m.entries));
                   },
                   [&](auto const&) { return fmt::format("not ({})", to_words(inner, limits)); }},
        inner.node);
}

std::string joined_words(std::vector<Predicate> const& parts, std::string_view word, Limits const& limits) {
    std::string out;
    for (auto const& part : parts) {
        auto const words = to_words(part, limits);
        out += (out.empty() ? "" : fmt::format(" {} ", word)) +
               (is_group(part) ? fmt::format("({})", words) : words);
    }
    return out;
}

} // namespace

std::string to_words(Predicate const& predicate, Limits const& limits) {
    return std::visit(overloaded{[](Constant c) -> std::string { return c.value ? "always" : "never"; },
                                 [](Flag f) { return std::string{info_of(f.attribute).words}; },
                                 [&](Comparison const& c) { return comparison_words(c, c.relation, limits); },
                                 [](Membership const& m) {
                                     return fmt::format("{} {}", info_of(m.attribute).words,
                                                        words_of(m.entries));
                                 },
                                 [](RuleReference const& r) { return fmt::format("caught by {}", r.rule); },
                                 [&](Not const& n) { return not_words(n.inner.front(), limits); },
                                 [&](All const& a) { return joined_words(a.parts, "and", limits); },
                                 [&](Any const& a) { return joined_words(a.parts, "or", limits); }},
                      predicate.node);
}

void for_each_part(Predicate const& predicate, std::function<void(Predicate const&)> const& visit) {
    visit(predicate);
    auto const each = [&](std::vector<Predicate> const& parts) {
        for (auto const& part : parts) {
            for_each_part(part, visit);
        }
    };
    std::visit(overloaded{[&](Not const& n) { each(n.inner); }, [&](All const& a) { each(a.parts); },
                          [&](Any const& a) { each(a.parts); }, [](auto const&) {}},
               predicate.node);
}

} // namespace moesaic::export_control
