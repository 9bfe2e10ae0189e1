#pragma once
#include "export_control/fleet.hpp"
#include "export_control/verdict.hpp"

#include <functional>
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
    int available = 0; ///< so many can be had all the same
};

/// Of each use as many chips as can be had, and why some have fewer than they ask for.
struct Offer {
    std::vector<int> chips;           ///< by use
    std::vector<std::string> reasons; ///< by use; empty = it has all
    std::vector<Refusal> refusals;
};

/// Whether the chip can be bought under this outcome without a licence of one's own.
[[nodiscard]] bool can_be_had(std::optional<Outcome> outcome);

/// What the rules of the day say; of a day after the regime's date, those of that date: nobody knows later ones.
[[nodiscard]] Verdict verdict_on(hardware::Chip const& chip, Regime const& regime, Date day);

/// Whether the chip could be had on this day: it was launched, and the rules of the day let it be bought.
[[nodiscard]] bool could_be_had(hardware::Chip const& chip, Regime const& regime, Date day);

/// What can be had of what the uses ask for. Uses of one chip (at one place, where it is rented) draw on the same stock,
/// supply and quota, the first use first.
[[nodiscard]] Offer offer(std::vector<ChipUse> const& uses, Regime const& regime, Fleet const& fleet);

/// All uses that the regime forbids and nothing excuses. Excuses: bought on a day when it was possible
/// (owned_since, or stock of the fleet), standing in a country where it may be (rented_in), a licence of the fleet
/// with enough quota left. A supply that the fleet lists is what the market has, and more is refused too; what the fleet has in
/// stock can be added to from the market.
[[nodiscard]] std::vector<Refusal> check_allowed(std::vector<ChipUse> const& uses, Regime const& regime,
                                                 Fleet const& fleet);

/// @param chip_of the chip of an id, or an InputError at this place
/// @throws InputError where the fleet names a chip that there is not, or owns one before it was launched
void check_chips_of(Fleet const& fleet,
                    std::function<hardware::Chip(std::string const&, Origin const&)> const& chip_of);

} // namespace moesaic::export_control
