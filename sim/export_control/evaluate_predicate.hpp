#pragma once
#include "export_control/regime.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// What a predicate is evaluated with.
struct Case {
    Figures const& figures;
    Deal const& deal;
    RuleSet const& rules;
};

/// Why a predicate holds, does not hold or stays open: only the parts that decide.
struct Explanation {
    Truth truth = Truth::unknown;
    /// "TPP 15840 is at least 4800"; of an open one, the parts that are missing
    std::string words;
    std::set<Attribute> used;      ///< whose figures decided
    std::set<std::string> missing; ///< names of the attributes that would have to be known
};

[[nodiscard]] Truth evaluate(Predicate const& predicate, Limits const& limits, Case const& where);
[[nodiscard]] Explanation explain(Predicate const& predicate, Limits const& limits, Case const& where);
/// The attribute's value for this chip and deal, none where it is not known.
[[nodiscard]] std::optional<Value> value_of(Attribute attribute, Case const& where);

/// Calls for every comparison within, also within the rules that it refers to, with the limit as that rule has it.
void for_each_comparison(Predicate const& predicate, Limits const& limits, RuleSet const& rules,
                         std::function<void(Comparison const&, Limit const&)> const& visit);

} // namespace moesaic::export_control
