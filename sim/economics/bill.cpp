#include "economics/bill.hpp"

#include "base/random.hpp"

#include <boost/math/distributions/normal.hpp>
#include <cmath>

namespace moesaic::economics {

namespace {

bool counts(Total which, Account account) {
    switch (which) {
    case Total::cost:
        return account == Account::use || account == Account::rent || account == Account::power;
    case Total::outlay:
        return account == Account::purchase || account == Account::rent || account == Account::power;
    case Total::energy:
        return account == Account::energy;
    case Total::time:
        return false;
    }
    return false;
}

/// Per world, how much longer the training takes than expected.
std::vector<double> time_ratios(Bill const& bill, Worlds const& worlds) {
    boost::math::normal const normal;
    std::vector<double> logs(worlds.count, 0.0);
    for (auto const& [key, sigma] : bill.step_errors) {
        Rng rng{worlds.seed, "timing " + key};
        for (auto& log : logs) {
            log += sigma * boost::math::quantile(normal, rng.uniform() * (1.0 - 1e-12) + 5e-13);
        }
    }
    std::ranges::transform(logs, logs.begin(), [](double log) { return std::exp(log); });
    return logs;
}

std::vector<double> factor_draws(std::string const& name, Spread const& spread, Worlds const& worlds) {
    Rng rng{worlds.seed, "figure " + name};
    std::vector<double> out(worlds.count);
    std::ranges::generate(out, [&] { return quantile(spread, rng.uniform()); });
    return out;
}

} // namespace

std::string_view name_of(Account account) {
    constexpr std::string_view names[] = {"use", "rent", "power", "purchase", "energy"};
    return names[static_cast<std::size_t>(account)];
}

double total(Bill const& bill, Account account) {
    double sum = 0.0;
    for (auto const& line : bill.lines) {
        sum += line.account == account ? line.amount : 0.0;
    }
    return sum;
}

double total(Bill const& bill, Total which) {
    if (which == Total::time) {
        return (bill.training + bill.waiting).value();
    }
    double sum = 0.0;
    for (auto const& line : bill.lines) {
        sum += counts(which, line.account) ? line.amount : 0.0;
    }
    return sum;
}

std::vector<double> totals(Bill const& bill, Total which, Worlds const& worlds) {
    auto const times = time_ratios(bill, worlds);
    std::vector<double> out(worlds.count, which == Total::time ? bill.waiting.value() : 0.0);
    if (which == Total::time) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] += bill.training.value() * times[i];
        }
        return out;
    }
    std::map<std::string, std::vector<double>> draws;
    for (auto const& [name, spread] : bill.factors) {
        draws.emplace(name, factor_draws(name, spread, worlds));
    }
    for (auto const& line : bill.lines) {
        if (!counts(which, line.account)) {
            continue;
        }
        for (std::size_t i = 0; i < out.size(); ++i) {
            double amount = line.amount * (line.grows_with_time ? times[i] : 1.0);
            for (auto const& factor : line.factors) {
                amount *= draws.at(factor)[i];
            }
            out[i] += amount;
        }
    }
    return out;
}

Interval80 interval_of(Bill const& bill, Total which, Worlds const& worlds) {
    return interval_80(totals(bill, which, worlds));
}

std::optional<Difference> difference(Bill const& bill, Bill const& baseline, Total which,
                                     Worlds const& worlds) {
    expects(which == Total::energy || which == Total::time || bill.currency == baseline.currency,
            "bills in one currency");
    if (total(baseline, which) == 0.0) {
        return std::nullopt;
    }
    auto const ours = totals(bill, which, worlds);
    auto shares = totals(baseline, which, worlds);
    for (std::size_t i = 0; i < shares.size(); ++i) {
        shares[i] = ours[i] / shares[i] - 1.0;
    }
    return Difference{total(bill, which) / total(baseline, which) - 1.0, interval_80(std::move(shares))};
}

} // namespace moesaic::economics
