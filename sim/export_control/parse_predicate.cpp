#include "base/nearest_names.hpp"
#include "export_control/predicate.hpp"
#include "export_control/tokens.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::export_control {

namespace {

constexpr int deepest = 64; ///< brackets and not within each other

bool is_reserved(std::string_view word) {
    return word == "and" || word == "or" || word == "not" || word == "in" || word == "true" ||
           word == "false" || word == "rule";
}

std::optional<Relation> find_relation(std::string_view symbol) {
    for (auto const relation : {Relation::less, Relation::at_most, Relation::equal, Relation::not_equal,
                                Relation::at_least, Relation::greater}) {
        if (symbol_of(relation) == symbol) {
            return relation;
        }
    }
    return std::nullopt;
}

bool has_order(ValueType type) {
    return type != ValueType::flag && type != ValueType::word && type != ValueType::country;
}

/// Recursive descent over the tokens; one function per line of the grammar.
class Parser {
  public:
    Parser(PredicateText const& text, Vocabulary const& names)
        : text_{text}, names_{names}, tokens_{tokens_of(text)} {}

    Predicate whole() {
        auto out = any(0);
        if (next().kind != TokenKind::end) {
            fail(next(), fmt::format("\"{}\" is not expected here", next().text), "Join parts with and, or");
        }
        return out;
    }

  private:
    Token const& next() const { return tokens_[place_]; }
    Token const& take() { return next().kind == TokenKind::end ? next() : tokens_[place_++]; }
    bool take_word(std::string_view word) {
        if (next().kind == TokenKind::word && next().text == word) {
            ++place_;
            return true;
        }
        return false;
    }
    [[noreturn]] void fail(Token const& token, std::string const& problem,
                           std::string const& hint = {}) const {
        throw InputError{text_.origin(token.at), problem, hint};
    }
    void expect(TokenKind kind, std::string_view what) {
        if (next().kind != kind) {
            fail(next(), next().kind == TokenKind::end
                             ? fmt::format("ends where {} is expected", what)
                             : fmt::format("{} is expected, not \"{}\"", what, next().text));
        }
        ++place_;
    }

    /// any = all { "or" all }
    Predicate any(int depth) {
        std::vector<Predicate> parts{all(depth)};
        while (take_word("or")) {
            parts.push_back(all(depth));
        }
        return parts.size() == 1 ? std::move(parts.front()) : Predicate{Any{std::move(parts)}};
    }
    /// all = one { "and" one }
    Predicate all(int depth) {
        std::vector<Predicate> parts{one(depth)};
        while (take_word("and")) {
            parts.push_back(one(depth));
        }
        return parts.size() == 1 ? std::move(parts.front()) : Predicate{All{std::move(parts)}};
    }
    /// one = "not" one | "(" any ")" | "true" | "false" | "rule" "(" id ")" | attribute test
    Predicate one(int depth) {
        if (depth > deepest) {
            fail(next(), fmt::format("is nested more than {} deep", deepest));
        }
        if (take_word("not")) {
            return Predicate{Not{{one(depth + 1)}}};
        }
        if (next().kind == TokenKind::open) {
            ++place_;
            auto inner = any(depth + 1);
            expect(TokenKind::close, "\")\"");
            return inner;
        }
        for (auto const value : {true, false}) {
            if (take_word(value ? "true" : "false")) {
                return Predicate{Constant{value}};
            }
        }
        return take_word("rule") ? reference() : test();
    }
    Predicate reference() {
        expect(TokenKind::open, "\"(\" and the id of a rule");
        auto const& id = take();
        if (id.kind != TokenKind::word || !std::ranges::count(names_.rules, id.text)) {
            fail(id, fmt::format("there is no rule \"{}\"", id.text), suggestion(id.text, names_.rules));
        }
        expect(TokenKind::close, "\")\"");
        return Predicate{RuleReference{id.text}};
    }
    /// test = [ relation limit | ["not"] "in" set ]; only flags stand alone
    Predicate test() {
        auto const& token = take();
        if (token.kind == TokenKind::end) {
            fail(token, "ends where an attribute is expected", "Write a condition such as tpp >= 4800");
        }
        auto const attribute = token.kind == TokenKind::word && !is_reserved(token.text)
                                   ? find_attribute(token.text)
                                   : std::nullopt;
        if (!attribute) {
            fail(token, fmt::format("there is no attribute \"{}\"", token.text),
                 suggestion(token.text, attribute_names()));
        }
        if (next().kind == TokenKind::relation) {
            return comparison(*attribute);
        }
        if (take_word("in")) {
            return membership(*attribute);
        }
        if (take_word("not")) {
            if (!take_word("in")) {
                fail(next(), "\"in\" is expected after \"not\"");
            }
            return Predicate{Not{{membership(*attribute)}}};
        }
        auto const& info = info_of(*attribute);
        if (info.type != ValueType::flag) {
            fail(next(), fmt::format("{} is {} and needs a comparison", info.name, name_of(info.type)),
                 has_order(info.type) ? value_help(info.type) + " behind >=, >, <=, <, == or !="
                                      : fmt::format("Write {} == or {} in {{...}}", info.name, info.name));
        }
        return Predicate{Flag{*attribute}};
    }
    Predicate comparison(Attribute attribute) {
        auto const& symbol = take();
        auto const relation = *find_relation(symbol.text);
        auto const& info = info_of(attribute);
        auto const equality = relation == Relation::equal || relation == Relation::not_equal;
        if (!equality && !has_order(info.type)) {
            fail(symbol, fmt::format("{} is {} and has no order", info.name, name_of(info.type)),
                 "Use ==, != or in");
        }
        auto const& token = take();
        if (info.type == ValueType::flag) {
            auto const value = limit_value(info, token);
            auto const positive = std::get<bool>(value.value) == (relation == Relation::equal);
            auto flag = Predicate{Flag{attribute}};
            return positive ? flag : Predicate{Not{{std::move(flag)}}};
        }
        auto const named = token.kind == TokenKind::word && has_order(info.type);
        return Predicate{named ? Comparison{attribute, relation, limit_name(info, token)}
                               : Comparison{attribute, relation, limit_value(info, token)}};
    }
    LimitName limit_name(AttributeInfo const& info, Token const& token) const {
        auto const found = names_.limits.find(token.text);
        if (found == names_.limits.end()) {
            std::vector<std::string> known;
            for (auto const& [name, limit] : names_.limits) {
                known.push_back(name);
            }
            fail(token, fmt::format("\"{}\" is no limit of this rule", token.text),
                 known.empty() ? value_help(info.type) : suggestion(token.text, known));
        }
        if (!parse_value(info.type, found->second.written)) {
            fail(token,
                 fmt::format("the limit {} = {} is not {}, as {} is", token.text, found->second.written,
                             name_of(info.type), info.name),
                 value_help(info.type));
        }
        return {token.text};
    }
    Limit limit_value(AttributeInfo const& info, Token const& token) const {
        auto const value = token.kind == TokenKind::word || token.kind == TokenKind::amount
                               ? parse_value(info.type, token.text)
                               : std::nullopt;
        if (!value) {
            fail(token,
                 token.kind == TokenKind::end
                     ? fmt::format("ends where a limit for {} is expected", info.name)
                     : fmt::format("{} is {} and cannot be compared with \"{}\"", info.name,
                                   name_of(info.type), token.text),
                 value_help(info.type));
        }
        check_word(info, token);
        return {*value, token.text};
    }
    /// null where any will do
    std::vector<std::string> const* known_words(Attribute attribute) const {
        switch (attribute) {
        case Attribute::end_use:
            return &end_use_names();
        case Attribute::chip:
            return names_.words ? &names_.words->chips : nullptr;
        case Attribute::vendor:
            return names_.words ? &names_.words->vendors : nullptr;
        case Attribute::kind:
            return names_.words ? &names_.words->kinds : nullptr;
        default:
            return nullptr;
        }
    }
    void check_word(AttributeInfo const& info, Token const& token) const {
        auto const* const known = known_words(info.attribute);
        if (known && !known->empty() && !std::ranges::count(*known, token.text)) {
            fail(token, fmt::format("there is no {} \"{}\"", info.words, token.text),
                 suggestion(token.text, *known));
        }
    }
    Predicate membership(Attribute attribute) {
        auto const& info = info_of(attribute);
        if (info.type != ValueType::word && info.type != ValueType::country) {
            fail(next(), fmt::format("{} is {} and has no sets", info.name, name_of(info.type)),
                 "Use >=, >, <=, <, == or !=");
        }
        Membership out{attribute, {}};
        if (next().kind != TokenKind::open_set) {
            out.entries.push_back(entry(info));
            return Predicate{std::move(out)};
        }
        do {
            ++place_; // the bracket or comma
            out.entries.push_back(entry(info));
        } while (next().kind == TokenKind::comma);
        expect(TokenKind::close_set, "\",\" or \"}\"");
        return Predicate{std::move(out)};
    }
    std::string entry(AttributeInfo const& info) {
        auto const& token = take();
        if (token.kind != TokenKind::word || is_reserved(token.text)) {
            fail(token, token.kind == TokenKind::end
                            ? "ends where a name is expected"
                            : fmt::format("a name is expected, not \"{}\"", token.text));
        }
        if (info.type == ValueType::country && !names_.groups.contains(token.text) &&
            !parse_value(ValueType::country, token.text)) {
            fail(token, fmt::format("\"{}\" is neither a country nor a group of countries", token.text),
                 suggestion(token.text, names_of(names_.groups)));
        }
        check_word(info, token);
        return token.text;
    }

    PredicateText const& text_;
    Vocabulary const& names_;
    std::vector<Token> tokens_;
    std::size_t place_ = 0;
};

} // namespace

Predicate parse_predicate(PredicateText const& text, Vocabulary const& names) {
    return Parser{text, names}.whole();
}

Predicate read_predicate(io::TomlTable const& table, std::string_view key, Vocabulary const& names) {
    return parse_predicate(
        {table.text(key), [&](std::size_t offset) { return table.origin_in_text(key, offset); }}, names);
}

} // namespace moesaic::export_control
