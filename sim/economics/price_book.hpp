#pragma once
#include "base/money.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <string>
#include <vector>

namespace moesaic::economics {

/// What a chip costs at one place and date. A book has at most one rent and one purchase price per chip.
template <class Amount>
struct Price {
    std::string chip;
    std::string place;
    std::string date; ///< ISO 8601, possibly only year or month, or the source's words for a span
    hardware::Fact<Amount> amount;
};

/// Prices that belong together: one place, one time, one kind of contract.
struct PriceBook {
    std::string id;
    std::string name;
    std::string note;
    bool server_included = false;           ///< in the purchase prices: the rest of the server
    std::vector<Price<MoneyPerHour>> rents; ///< of one chip with its share of the server
    std::vector<Price<Money>> purchases;    ///< of one chip
    std::string file;
};

/// @throws InputError also for two prices of one kind for one chip
[[nodiscard]] PriceBook read_price_book(io::TomlTable const& table);

/// The folder platforms/prices.
[[nodiscard]] std::vector<std::string> price_book_ids(std::string const& platforms_folder);
/// @param asked_at where the id was written, for the error; an unknown id lists the nearest known ones
[[nodiscard]] PriceBook find_price_book(std::string const& platforms_folder, std::string const& id,
                                        Origin const& asked_at);

/// @throws InputError at `asked_at`, naming chip and book, where the book does not know it
[[nodiscard]] Price<MoneyPerHour> const& rent_of(PriceBook const& book, std::string const& chip,
                                                 Origin const& asked_at);

} // namespace moesaic::economics
