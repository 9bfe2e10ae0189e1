#pragma once
#include "base/date.hpp"
#include "base/money.hpp"
#include "io/toml.hpp"

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
    Acquisition acquisition = Acquisition::either;
    double share_for_this_job = 1.0; ///< of stock and supply

    [[nodiscard]] bool empty() const;
};

/// When a supply's chips arrive, up to this day: every three months after `from` (on the last day of a shorter
/// month), as long as it lasts.
[[nodiscard]] std::vector<Date> deliveries(Supply const& supply, Date date);
/// Stock bought and supply delivered by this day, all of the lab's.
[[nodiscard]] int owned(Fleet const& fleet, std::string const& chip, Date date);
/// Left of licences that hold on this day.
[[nodiscard]] int licence_quota(Fleet const& fleet, std::string const& chip, Date date);

/// [fleet] budget = "300e6 CNY", acquisition = "buy", share_for_this_job = 0.5, and the lists
/// [[fleet.stock]] chip, count, owned_since · [[fleet.supply]] chip, per_quarter, from, until, price ·
/// [[fleet.rented]] chip, count, place, price · [[fleet.licences]] chip, quota, from, until
/// @throws InputError for negative counts, ends before beginnings, unknown keys
[[nodiscard]] Fleet read_fleet(io::TomlTable const& table);

} // namespace moesaic::export_control
