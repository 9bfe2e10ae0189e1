#pragma once
#include "base/money.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <string>
#include <vector>

namespace moesaic::economics {

/// The average of a year: one unit of `from` is worth `rate` units of `to`.
struct YearlyRate {
    std::string from;
    std::string to;
    int year = 0;
    hardware::Fact<double> rate;
};

struct ExchangeRates {
    std::vector<YearlyRate> rates;
    std::string file;
};

[[nodiscard]] ExchangeRates read_exchange_rates(io::TomlTable const& table);
/// platforms/exchange_rates.toml
[[nodiscard]] ExchangeRates find_exchange_rates(std::string const& platforms_folder);

/// The amount in another currency at the average rate of the year, in either direction of a listed rate.
/// @throws InputError at `asked_at` where the pair has no rate for that year (no other year steps in)
[[nodiscard]] Money convert(Money const& amount, std::string const& to, int year, ExchangeRates const& rates,
                            Origin const& asked_at);

} // namespace moesaic::economics
