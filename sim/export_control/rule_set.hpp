#pragma once
#include "export_control/rule.hpp"
#include "hardware/chip.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesaic::export_control {

/// All rules, past and present, and the groups of countries that they name.
struct RuleSet {
    std::vector<Rule> rules; ///< sorted by id
    CountryGroups groups;
    KnownWords words{}; ///< that the rules, and what a what-if study makes of them, may name

    /// null where there is no rule of this id
    [[nodiscard]] Rule const* find(std::string_view id) const;
    [[nodiscard]] Rule* find(std::string_view id);
    /// @throws InputError with the nearest ids
    [[nodiscard]] Rule& rule(std::string const& id, Origin const& asked_at);
    [[nodiscard]] std::vector<std::string> ids() const;
    /// Countries whose authorities made rules, sorted.
    [[nodiscard]] std::vector<std::string> jurisdictions() const;
};

/// @param folder one file per rule, named by its id, and country_groups.toml
/// @throws InputError also for rules that refer to each other in a circle
[[nodiscard]] RuleSet read_rules(std::string const& folder, KnownWords words = {});
/// Chips, vendors and kinds of the catalogue.
[[nodiscard]] KnownWords known_words(std::vector<hardware::Chip> const& chips);
/// @throws InputError for a rule that comes back to itself through rule(...)
void check_references(RuleSet const& rules);

/// The rule with the limits of one of its alternatives. @throws InputError for an unknown rule or name
void choose_alternative(RuleSet& rules, std::string const& rule, std::string const& alternative,
                        Origin const& asked_at);

} // namespace moesaic::export_control
