#pragma once
#include "base/date.hpp"
#include "base/money.hpp"
#include "io/toml.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::export_control {

/// Chips that the lab has, bought by this day.
struct StockItem {
    std::string chip;
    int count = 0;
    Date owned_since;
    std::optional<Money> price; ///< paid for each
    std::string note;
    Origin origin;
    Origin owned_origin{}; ///< of the day
};

/// Chips that can be bought: so many at the end of each quarter from this day on.
struct Supply {
    std::string chip;
    int per_quarter = 0;
    Date from;
    std::optional<Date> until;
    std::optional<Money> price; ///< of each, before duties and shares
    std::string note;
    Origin origin;
};

/// Chips that stand elsewhere and are used from afar.
struct Rental {
    std::string chip;
    int count = 0;
    std::string place; ///< country
    std::optional<MoneyPerHour> price;
    std::string note;
    Origin origin;
};

/// A licence that the lab, or its supplier for it, holds.
struct Licence {
    std::string chip;
    int quota = 0;
    Date from;
    std::optional<Date> until;
    std::string note;
    Origin origin;
};

enum class Acquisition { buy, rent, either };

/// What may be owned and used at a date.
struct Fleet {
    std::vector<StockItem> stock;
    std::vector<Supply> supply;
    std::vector<Rental> rented;
    std::vector<Licence> licences;
    std::optional<Money> budget;
    Origin budget_origin;
    Acquisition acquisition = Acquisition::either; ///< of what is not there yet
    std::optional<Date> start;                     ///< of the training; none = the regime's date
    Origin start_origin;
    double share_for_this_job = 1.0; ///< of stock and supply

    [[nodiscard]] bool empty() const;
};

/// When a supply's chips arrive, up to this day: every three months after `from` (on the last day of a shorter
/// month), as long as it lasts.
[[nodiscard]] std::vector<Date> deliveries(Supply const& supply, Date date);
/// Chips that came on one day.
struct Arrival {
    Date day;
    int count = 0;
    bool paid = false;          ///< stock: the budget is not asked for it
    std::optional<Money> price; ///< of each
};
/// Up to this day: the stock, then the supply, each in the order of the days.
[[nodiscard]] std::vector<Arrival> arrivals(Fleet const& fleet, std::string const& chip, Date date);
/// The share of so many chips that this job may use, in whole chips.
[[nodiscard]] std::int64_t for_this_job(Fleet const& fleet, std::int64_t chips);
/// Stock bought and supply delivered by this day, all of the lab's.
[[nodiscard]] std::int64_t owned(Fleet const& fleet, std::string const& chip, Date date);
/// Left of licences that hold on this day.
[[nodiscard]] std::int64_t licence_quota(Fleet const& fleet, std::string const& chip, Date date);

/// The day on which the training begins. @throws InputError where it is before the regime's date
[[nodiscard]] Date start_of(Fleet const& fleet, Date regime_date);

/// [fleet] budget = "300e6 CNY", acquisition = "buy", start = "2025-07-15", share_for_this_job = 0.5, and the lists
/// [[fleet.stock]] chip, count, owned_since · [[fleet.supply]] chip, per_quarter, from, until, price ·
/// [[fleet.rented]] chip, count, place, price · [[fleet.licences]] chip, quota, from, until
/// @throws InputError for negative counts and prices, ends before beginnings, unknown keys
[[nodiscard]] Fleet read_fleet(io::TomlTable const& table);

} // namespace moesaic::export_control
