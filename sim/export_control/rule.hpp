#pragma once
#include "base/date.hpp"
#include "export_control/outcome.hpp"
#include "export_control/predicate.hpp"
#include "hardware/fact.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// From one day until another, which is no longer in it.
struct Period {
    Date from;
    std::optional<Date> until;
    /// false: no source says whether the rule holds then, so that its truth is unknown.
    bool settled = true;
    std::optional<Predicate> only; ///< the rule reaches only these chips in this period
    std::string note;
};

/// A case of the rule with another outcome (a licence exception).
struct Exception {
    std::string title;
    Predicate when;
    Outcome outcome;
    std::string source;
    hardware::Confidence confidence;
    std::string note;
};

/// Numbers for the rule's limits, where sources disagree; a regime may choose them.
struct Alternative {
    std::string name;
    Limits limits;
    std::string source;
    hardware::Confidence confidence;
    std::string note;
};

/// What the rule adds to the price of a chip, as shares of it.
struct PriceModifiers {
    double import_duty = 0.0;
    double revenue_share = 0.0;
    friend bool operator==(PriceModifiers const&, PriceModifiers const&) = default;
};

struct Rule {
    std::string id;
    std::string title;
    std::string jurisdiction;     ///< country whose authority made it
    std::vector<Period> in_force; ///< in order, apart from each other
    std::string never_in_force;   ///< why, where in_force is empty
    Limits limits;
    Predicate reach;                    ///< of the deal: destination, headquarters, end use, date
    std::optional<Predicate> predicate; ///< of the chip
    std::string not_evaluated;          ///< why there is no predicate
    Outcome outcome = Outcome::allowed;
    std::string detail;                ///< the source's own word for the outcome
    std::vector<Exception> exceptions; ///< the first whose `when` holds gives the outcome
    /// Rules whose outcome this one replaces by its own, milder one; alone it restricts nothing.
    std::vector<std::string> relaxes;
    PriceModifiers price;
    /// Empty where the limits are settled; else the rule's own numbers ("as_given") and the others.
    std::vector<Alternative> alternatives;
    std::string
        chosen_alternative; ///< one of them; empty where there is none or a what-if changed the limits
    std::optional<int> units_per_customer;
    std::vector<std::string> conditions; ///< that no predicate can test
    std::string source;
    std::string url;
    hardware::Confidence confidence = hardware::Confidence::estimate;
    std::string verified; ///< what a second reading confirmed, and against what
    std::string note;
    Origin origin;      ///< where it was read
    std::string edited; ///< what a what-if file changed; empty for the rule as published
};

/// @param table a file of scenarios/rules/, or [[add]] of a what-if file
/// @param names rules by id and groups; the rule's own limits are used whatever `names.limits` holds
/// @throws InputError: periods that end before they begin or overlap, a limit that no predicate uses, neither a
/// predicate nor a reason for none, ...
[[nodiscard]] Rule read_rule(io::TomlTable const& table, Vocabulary const& names);

/// in_force = [{ from = "2025-04-09", until = "…", settled = false, only = "tpp >= 4800", note = "…" }]
[[nodiscard]] std::vector<Period> read_periods(io::TomlTable const& table, Vocabulary const& names);
[[nodiscard]] Outcome read_outcome(io::TomlTable const& table, std::string_view key);
/// [limits]: numbers, or texts with a unit
[[nodiscard]] Limits read_limits(io::TomlTable const& table, std::string_view key);

} // namespace moesaic::export_control
