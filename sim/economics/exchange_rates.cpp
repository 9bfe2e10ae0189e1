#include "economics/exchange_rates.hpp"

#include "hardware/read_fact.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::economics {

ExchangeRates read_exchange_rates(io::TomlTable const& table) {
    ExchangeRates out{.rates = {}, .file = table.origin().file};
    for (auto const& entry : table.tables("rate")) {
        YearlyRate rate{.from = entry.text("from"),
                        .to = entry.text("to"),
                        .year = entry.count("year", 1900),
                        .rate = hardware::read_fact<double>(entry, "average")};
        if (rate.rate.value <= 0) {
            throw InputError{entry.origin("average"), "must be more than 0"};
        }
        entry.reject_unknown_keys();
        out.rates.push_back(std::move(rate));
    }
    table.reject_unknown_keys();
    return out;
}

ExchangeRates find_exchange_rates(std::string const& platforms_folder) {
    return read_exchange_rates(io::read_toml_file(platforms_folder + "/exchange_rates.toml"));
}

Money convert(Money const& amount, std::string const& to, int year, ExchangeRates const& rates,
              Origin const& asked_at) {
    if (amount.currency == to) {
        return amount;
    }
    std::vector<int> years;
    for (auto const& rate : rates.rates) {
        bool const forward = rate.from == amount.currency && rate.to == to;
        bool const backward = rate.to == amount.currency && rate.from == to;
        if (!forward && !backward) {
            continue;
        }
        if (rate.year == year) {
            return {forward ? amount.amount * rate.rate.value : amount.amount / rate.rate.value, to};
        }
        years.push_back(rate.year);
    }
    throw InputError{asked_at,
                     fmt::format("no exchange rate from {} to {} for {}", amount.currency, to, year),
                     years.empty() ? fmt::format("{} has none for this pair", rates.file)
                                   : fmt::format("Known years: {}", fmt::join(years, ", "))};
}

} // namespace moesaic::economics
