#pragma once
#include "base/errors.hpp"
#include "export_control/attribute.hpp"
#include "export_control/country_groups.hpp"
#include "export_control/value.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The language of the rules:
///
///     us_origin and (memory_bandwidth >= 1400 GB/s or io_bandwidth_both_ways >= io_limit)
///     destination in {D1, D4, D5} and destination not in {A5, A6} and not rule(us_2023_10_3a090a)
///
/// and binds closer than or; a limit is a value with its unit or the name of one of the rule's [limits]; a set
/// is {a, b} or a single name; true, false and 2025-04-15 are values. Attributes: attribute.hpp.
namespace moesaic::export_control {

/// A limit with its text, so that it is printed as its source gives it.
struct Limit {
    Value value;
    std::string written;
    friend bool operator==(Limit const&, Limit const&) = default;
};
/// The rule's limits by name; the type is that of the attributes which the predicates compare with them.
using Limits = std::map<std::string, Limit, std::less<>>;

struct Predicate;

struct Constant {
    bool value;
    friend bool operator==(Constant const&, Constant const&) = default;
};
/// An attribute that is true or false by itself.
struct Flag {
    Attribute attribute;
    friend bool operator==(Flag const&, Flag const&) = default;
};
struct LimitName {
    std::string name;
    friend bool operator==(LimitName const&, LimitName const&) = default;
};
struct Comparison {
    Attribute attribute;
    Relation relation;
    std::variant<Limit, LimitName> limit;
    friend bool operator==(Comparison const&, Comparison const&) = default;
};
/// The attribute is one of the words, or one of the countries and groups.
struct Membership {
    Attribute attribute;
    std::vector<std::string> entries; ///< never empty
    friend bool operator==(Membership const&, Membership const&) = default;
};
/// The predicate of another rule (not its dates nor its reach).
struct RuleReference {
    std::string rule;
    friend bool operator==(RuleReference const&, RuleReference const&) = default;
};
struct Not {
    std::vector<Predicate> inner; ///< exactly one
    friend bool operator==(Not const&, Not const&) = default;
};
struct All {
    std::vector<Predicate> parts; ///< at least two
    friend bool operator==(All const&, All const&) = default;
};
struct Any {
    std::vector<Predicate> parts; ///< at least two
    friend bool operator==(Any const&, Any const&) = default;
};

struct Predicate {
    std::variant<Constant, Flag, Comparison, Membership, RuleReference, Not, All, Any> node;
    friend bool operator==(Predicate const&, Predicate const&) = default;
};

/// The values that the catalogue has for attributes that are words; an empty list is not checked.
struct KnownWords {
    std::vector<std::string> chips, vendors, kinds;
};

/// The names that a predicate may use besides the attributes.
struct Vocabulary {
    Limits const& limits;
    CountryGroups const& groups;
    std::vector<std::string> const& rules;
    KnownWords const* words = nullptr; ///< none = any chip, vendor and kind will do
};

/// A predicate's text and where each of its characters stands.
struct PredicateText {
    std::string text;
    std::function<Origin(std::size_t)> origin;
};

/// @throws InputError at the character that is wrong: what was expected, the nearest known name, how a value of
/// the attribute's type is written
[[nodiscard]] Predicate parse_predicate(PredicateText const& text, Vocabulary const& names);
/// From a key of a TOML file. @throws InputError with the position in the file
[[nodiscard]] Predicate read_predicate(io::TomlTable const& table, std::string_view key,
                                       Vocabulary const& names);

/// In the language; parse_predicate() of it gives the same tree.
[[nodiscard]] std::string to_source(Predicate const& predicate);
/// In a sentence: "TPP at least 4800 and performance density at least 5.92".
[[nodiscard]] std::string to_words(Predicate const& predicate, Limits const& limits);
/// The limit that a comparison has, by name or in place. @throws BugError where the name is unknown
[[nodiscard]] Limit const& limit_of(Comparison const& comparison, Limits const& limits);
/// "at least"
[[nodiscard]] std::string_view words_of(Relation relation, ValueType type);
/// "D5 or MO", "one of a, b, c"
[[nodiscard]] std::string words_of(std::vector<std::string> const& entries);

/// Calls for this predicate and all within it; rules that it refers to are not entered.
void for_each_part(Predicate const& predicate, std::function<void(Predicate const&)> const& visit);

} // namespace moesaic::export_control
