#pragma once
#include "economics/training_bill.hpp"
#include "export_control/check_allowed.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// A lot with the day from which its chips are there.
struct AcquiredLot {
    economics::Lot lot;
    std::optional<Date> day;            ///< none where the scenario does not say
    std::optional<std::string> place;   ///< of rented chips that stand elsewhere
    std::vector<std::string> priced_by; ///< rules that add duties or a share of the revenue
};

/// Where the chips come from: rented_in and owned_since as the uses say; else stock first, then deliveries in their order,
/// then the market or a licence on the day of the training's start. Prices carry the duties and shares of the revenue that
/// the rules of the day add, passed on in full.
/// @param uses that check_allowed() does not refuse
[[nodiscard]] std::vector<AcquiredLot> acquire(std::vector<ChipUse> const& uses, Regime const& regime,
                                               Fleet const& fleet);
/// Without a regime: every use as it says; what says nothing is bought or rented, whichever costs less.
[[nodiscard]] std::vector<AcquiredLot> acquire_freely(std::vector<ChipUse> const& uses);

} // namespace moesaic::export_control
