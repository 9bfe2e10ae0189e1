#pragma once
#include "economics/bill.hpp"
#include "economics/exchange_rates.hpp"
#include "economics/hosting.hpp"
#include "economics/price_book.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::economics {

/// How the chips of a lot come to the training.
enum class Way {
    owned,  ///< they were there before: nothing is paid, their price is used up
    bought, ///< paid for from the budget
    rented
};
[[nodiscard]] std::string_view name_of(Way way);

/// Chips of one kind that come together.
struct Lot {
    hardware::Chip chip;
    std::int64_t chips = 0;
    Way way = Way::owned;
    std::optional<Money> price;       ///< of each; none = that of the price books
    std::optional<MoneyPerHour> rent; ///< of each; none = that of the price book
    bool may_be_rented = false;       ///< instead of bought, where that costs less
    double price_factor = 1.0;        ///< what duties and shares of the revenue make of the price
    Origin origin;                    ///< where the scenario asks for them
};

/// What the bill has to know about the training.
struct TrainingUse {
    Seconds training; ///< from its first step to its last, failures included
    Seconds waiting;
    std::map<std::string, double> step_errors; ///< as Bill::step_errors
    std::map<std::string, double> busy;        ///< share of `training` in which a chip of this kind computes
};

struct BillTerms {
    Hosting hosting;
    std::vector<PriceBook> purchases; ///< the first that knows the chip gives its price
    std::optional<PriceBook> rents;
    ExchangeRates rates;
    std::string currency;
    int exchange_year = 0;
    Origin asked_at; ///< where the currency or its year is written, for a missing rate
};

/// Use: chips x price x (1 + duties) x (1 + host) x (1 + network) x training / lifetime. Energy: chips x (load power
/// while they compute, idle power otherwise, and the host's share of the load power all the time) x PUE.
/// Lots that may be rented are, where the rent is below use and power. `lots` gets what was chosen.
/// @throws InputError naming the chip where a price, a rent, a power or an exchange rate is not known
[[nodiscard]] Bill bill_of(std::vector<Lot>& lots, TrainingUse const& use, BillTerms const& terms);

} // namespace moesaic::economics
