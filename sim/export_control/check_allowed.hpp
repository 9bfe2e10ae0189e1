#pragma once
#include "export_control/fleet.hpp"
#include "export_control/verdict.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// Chips that a scenario uses.
struct ChipUse {
    hardware::Chip chip;
    int count = 0;
    std::optional<Date> owned_since;      ///< bought then, whatever the fleet says
    std::optional<std::string> rented_in; ///< country where they stand, outside the destination
    Origin origin;                        ///< where the scenario asks for them
};

/// Why a use cannot be; the caller throws it as an InputError.
struct Refusal {
    Origin origin;
    std::string chip;
    std::string problem; ///< names rule, predicate and figure
    std::string reason;  ///< the same without chip, place and day
    std::string hint;
};

/// Whether the chip can be bought under this outcome without a licence of one's own.
[[nodiscard]] bool can_be_had(std::optional<Outcome> outcome);

/// What the rules of the day say; of a day after the regime's date, those of that date: nobody knows later ones.
[[nodiscard]] Verdict verdict_on(hardware::Chip const& chip, Regime const& regime, Date day);

/// All uses that the regime forbids and nothing excuses. Excuses: bought on a day when it was possible
/// (owned_since, or stock of the fleet), standing in a country where it may be (rented_in), a licence of the fleet
/// with enough quota left. A use of more chips than the fleet has of a kind that it lists is refused too.
[[nodiscard]] std::vector<Refusal> check_allowed(std::vector<ChipUse> const& uses, Regime const& regime,
                                                 Fleet const& fleet);

} // namespace moesaic::export_control
