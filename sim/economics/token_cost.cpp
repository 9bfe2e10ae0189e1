#include "economics/token_cost.hpp"

namespace moesaic::economics {

namespace {

PoolCost cost_of_pool(PoolUse const& pool, Seconds time, CostTerms const& terms) {
    expects(pool.chips >= 0, "a pool has no negative number of chips");
    auto const& rent = rent_of(terms.book, pool.chip, terms.asked_at);
    double const chip_hours = static_cast<double>(pool.chips) * (time.value() / seconds_per_hour);
    auto const paid = rent.amount.value * (time * static_cast<double>(pool.chips));
    return {.pool = pool,
            .rent = rent.amount.value,
            .confidence = rent.amount.confidence,
            .chip_hours = chip_hours,
            .cost = convert(paid, terms.currency, terms.exchange_year, terms.rates, terms.asked_at)};
}

} // namespace

TokenCost cost_of_tokens(Tokens tokens, TrainingRate const& rate, std::vector<PoolUse> const& pools,
                         CostTerms const& terms) {
    expects(rate.tokens > Tokens{0} && rate.time > Seconds{0}, "a run trains tokens in time");
    TokenCost out{.time = rate.time * (tokens / rate.tokens), .cost = {0.0, terms.currency}};
    for (auto const& pool : pools) {
        out.pools.push_back(cost_of_pool(pool, out.time, terms));
        out.chip_hours += out.pools.back().chip_hours;
        out.cost = out.cost + out.pools.back().cost;
    }
    return out;
}

} // namespace moesaic::economics
