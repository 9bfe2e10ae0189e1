#pragma once
#include "economics/exchange_rates.hpp"
#include "economics/price_book.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::economics {

/// Chips of one kind that a run holds from its first to its last second.
struct PoolUse {
    std::string chip;
    std::int64_t chips = 0;
};

/// How fast a run trains: so many tokens in so much time.
struct TrainingRate {
    Tokens tokens;
    Seconds time;
};

/// In what the cost is counted.
struct CostTerms {
    PriceBook book;
    ExchangeRates rates;
    std::string currency;  ///< of the result
    int exchange_year = 0; ///< for rents in another currency
    Origin asked_at;       ///< for errors
};

struct PoolCost {
    PoolUse pool;
    MoneyPerHour rent; ///< as the book has it
    hardware::Confidence confidence = hardware::Confidence::estimate;
    double chip_hours = 0.0;
    Money cost; ///< in the terms' currency
};

struct TokenCost {
    Seconds time;
    double chip_hours = 0.0;
    Money cost; ///< the pools' together
    std::vector<PoolCost> pools;
};

/// Rent of all pools for the time that the tokens take.
/// @throws InputError naming chip and book where a rent is not known, or where a rate is missing
[[nodiscard]] TokenCost cost_of_tokens(Tokens tokens, TrainingRate const& rate,
                                       std::vector<PoolUse> const& pools, CostTerms const& terms);

} // namespace moesaic::economics
