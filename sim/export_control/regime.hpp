#pragma once
#include "export_control/figures.hpp"
#include "export_control/rule_set.hpp"

#include <string>
#include <vector>

namespace moesaic::export_control {

/// What the rules ask about a shipment besides the chip.
struct Deal {
    Date date;
    std::string destination;
    std::string headquarters; ///< of the buyer or its ultimate parent
    std::string exported_from = "US";
    std::string end_use = "commercial";
};

/// The rules for one deal, as published or as a what-if study changes them.
struct Regime {
    RuleSet rules;
    Deal deal;
    /// Authorities whose rules count; by default those of the exporting side.
    std::vector<std::string> jurisdictions{"US"};
    FigureOverrides figures;
    /// One line for each choice and each change that makes this another world than the published one.
    std::vector<std::string> assumptions;
};

/// A buyer at home in the destination, with everything else as usual.
[[nodiscard]] Regime make_regime(RuleSet rules, Date date, std::string const& destination);

/// The same rules and assumptions seen on another day, or for a chip that goes to another place.
[[nodiscard]] Regime at_date(Regime regime, Date date);
[[nodiscard]] Regime at_place(Regime regime, std::string destination);

/// Changes rules as a what-if file says:
///     title = "…"
///     remove = ["us_2025_11_b30a_refusal"]
///     choose = { us_2025_04_letters = "bills_4100" }
///     [[edit]] rule, limits = { memory_limit = "4 TB/s" } and/or predicate, reach, in_force, outcome
///     [[add]] a whole rule, as in scenarios/rules/
///     [figures.nvidia_h20] tpp = 2400
/// @throws InputError for unknown rules, limits, attributes, and wrong units
void apply_what_if(Regime& regime, io::TomlTable const& table);

/// [regime] date, destination; may be left out: headquarters, exported_from, end_use, jurisdictions,
/// alternatives = { rule = "name" }, what_if = "file" (beside the scenario) or { … } as above
[[nodiscard]] Regime read_regime(io::TomlTable const& table, RuleSet rules);

} // namespace moesaic::export_control
