#pragma once
#include "export_control/evaluate_predicate.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// How close a figure may come to a limit before it is flagged, as a share of the limit.
constexpr double near_share = 0.10;

/// A figure within 10 % of a limit of a rule in force, where the limit matters for this chip.
struct NearLimit {
    std::string rule; ///< the first one that has this limit
    Attribute attribute;
    Value figure;
    Limit limit;
    double distance; ///< (figure - limit) / limit
    /// What the outcome would be on the other side of the limit; none for undecided.
    std::optional<Outcome> beyond;
    bool changes_outcome;
};

/// A rule that may apply besides: what is missing to know.
struct OpenRule {
    std::string rule;
    Outcome outcome;
    std::vector<std::string> missing;
};

/// The outcome with another of the rule's unsettled thresholds.
struct OtherThreshold {
    std::string rule;
    std::string alternative;
    std::optional<Outcome> outcome;
};

struct UsedFigure {
    Attribute attribute;
    Value value;
    std::string source; ///< empty for facts of the deal
};

/// What the rules of a regime say of one chip.
struct Verdict {
    std::string chip;
    std::optional<Outcome> outcome; ///< none: undecided
    std::string rule;               ///< that decides; empty where none applies
    std::string detail;             ///< the source's own word, or the exception's title
    std::string predicate;          ///< what decides, in words with the figures
    std::vector<UsedFigure> figures;
    std::vector<std::string> missing; ///< of an undecided one: attributes that must be known
    std::vector<OpenRule> open;       ///< stricter rules that may apply besides the one that does
    std::vector<NearLimit> near_limits;
    std::vector<OtherThreshold> other_thresholds; ///< only those that change the outcome
    PriceModifiers price;                         ///< of all rules that apply
    std::vector<std::string> priced_by;           ///< their ids
    std::vector<std::string> remarks;             ///< of the catalogue's figures
};

/// "allowed", "undecided"
[[nodiscard]] std::string_view outcome_name(std::optional<Outcome> outcome);

/// The strictest rule that certainly applies decides. A stricter one that may apply is listed as open; where none
/// certainly applies and one may, or where an exception hangs on an unknown figure, the chip is undecided.
[[nodiscard]] Verdict evaluate(Figures const& figures, Regime const& regime);
/// With the figures of the catalogue and the regime's assumptions about them.
[[nodiscard]] Verdict evaluate(hardware::Chip const& chip, Regime const& regime);

/// Whether one rule catches the chip in this regime: its date, its reach and its predicate.
[[nodiscard]] Explanation explain_rule(Rule const& rule, Figures const& figures, Regime const& regime);
/// Rules of the regime's authorities that are, or may be, in force on its day and reach its deal.
[[nodiscard]] std::vector<Rule const*> rules_in_force(Regime const& regime);

} // namespace moesaic::export_control
