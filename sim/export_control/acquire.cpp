#include "export_control/acquire.hpp"

#include <algorithm>
#include <map>

namespace moesaic::export_control {

namespace {

using economics::Way;

AcquiredLot lot_of(ChipUse const& use, std::int64_t chips, Way way) {
    return {.lot = {.chip = use.chip,
                    .chips = chips,
                    .way = way,
                    .price = {},
                    .rent = {},
                    .may_be_rented = false,
                    .price_factor = 1.0,
                    .origin = use.origin},
            .day = {},
            .place = {},
            .priced_by = {}};
}

AcquiredLot rented_lot(ChipUse const& use, Fleet const& fleet) {
    auto out = lot_of(use, use.count, Way::rented);
    out.place = use.rented_in;
    for (auto const& rental : fleet.rented) {
        if (rental.chip == use.chip.id && rental.place == use.rented_in) {
            out.lot.rent = rental.price;
        }
    }
    return out;
}

/// As the fleet's stock of that day says.
std::optional<Money> price_paid(ChipUse const& use, Fleet const& fleet) {
    for (auto const& item : fleet.stock) {
        if (item.chip == use.chip.id && item.owned_since == use.owned_since && item.price) {
            return item.price;
        }
    }
    return std::nullopt;
}

/// Hands out what the fleet has of one chip, over all pools that use it.
class Buyer {
  public:
    Buyer(hardware::Chip const& chip, Regime const& regime, Fleet const& fleet)
        : regime_{regime}, fleet_{fleet}, start_{start_of(fleet, regime.deal.date)} {
        std::int64_t so_far = 0;
        std::int64_t given = 0;
        for (auto const& arrival : arrivals(fleet, chip.id, start_)) {
            if (!could_be_had(chip, regime, arrival.day)) {
                continue;
            }
            so_far += arrival.count;
            left_.push_back(arrival);
            left_.back().count = static_cast<int>(for_this_job(fleet, so_far) - given);
            given += left_.back().count;
        }
    }

    void take(ChipUse const& use, std::vector<AcquiredLot>& out) {
        int needed = use.count;
        for (auto& arrival : left_) {
            auto const taken = std::min(needed, arrival.count);
            if (taken > 0) {
                arrival.count -= taken;
                needed -= taken;
                out.push_back(bought(use, taken, arrival));
            }
        }
        if (needed > 0) {
            out.push_back(bought(use, needed, {start_, needed, false, std::nullopt}));
        }
    }

  private:
    [[nodiscard]] AcquiredLot bought(ChipUse const& use, int chips, Arrival const& arrival) const {
        auto out = lot_of(use, chips, arrival.paid ? Way::owned : Way::bought);
        out.day = arrival.day;
        out.lot.price = arrival.price;
        if (!arrival.paid) {
            auto const verdict = verdict_on(use.chip, regime_, arrival.day);
            out.lot.price_factor += verdict.price.import_duty + verdict.price.revenue_share;
            out.priced_by = verdict.priced_by;
            out.lot.way = fleet_.acquisition == Acquisition::rent ? Way::rented : Way::bought;
            out.lot.may_be_rented = fleet_.acquisition == Acquisition::either;
        }
        return out;
    }

    Regime const& regime_;
    Fleet const& fleet_;
    Date start_;
    std::vector<Arrival> left_; ///< for this job
};

} // namespace

std::vector<AcquiredLot> acquire(std::vector<ChipUse> const& uses, Regime const& regime, Fleet const& fleet) {
    std::vector<AcquiredLot> out;
    std::map<std::string, Buyer> buyers;
    for (auto const& use : uses) {
        if (use.rented_in) {
            out.push_back(rented_lot(use, fleet));
        } else if (use.owned_since) {
            out.push_back(lot_of(use, use.count, Way::owned));
            out.back().day = use.owned_since;
            out.back().lot.price = price_paid(use, fleet);
        } else {
            buyers.try_emplace(use.chip.id, use.chip, regime, fleet).first->second.take(use, out);
        }
    }
    return out;
}

std::vector<AcquiredLot> acquire_freely(std::vector<ChipUse> const& uses) {
    std::vector<AcquiredLot> out;
    for (auto const& use : uses) {
        if (use.rented_in) {
            out.push_back(rented_lot(use, {}));
            continue;
        }
        out.push_back(lot_of(use, use.count, use.owned_since ? Way::owned : Way::bought));
        out.back().day = use.owned_since;
        out.back().lot.may_be_rented = !use.owned_since;
    }
    return out;
}

} // namespace moesaic::export_control
