#pragma once
#include "base/errors.hpp"
#include "base/units.hpp"

#include <string>

namespace moesaic {

/// An amount in one currency (ISO 4217 code). Amounts of unlike currencies do not add; economics/ converts
/// them.
struct Money {
    double amount = 0.0;
    std::string currency;

    friend Money operator*(Money const& m, double factor) { return {m.amount * factor, m.currency}; }
    friend bool operator==(Money const&, Money const&) = default;
};

inline Money operator+(Money const& a, Money const& b) {
    expects(a.currency == b.currency, "amounts in one currency");
    return {a.amount + b.amount, a.currency};
}

/// Rent of one chip.
struct MoneyPerHour {
    double amount = 0.0;
    std::string currency;
    friend bool operator==(MoneyPerHour const&, MoneyPerHour const&) = default;
};

/// Price of electricity.
struct MoneyPerKwh {
    double amount = 0.0;
    std::string currency;
    friend bool operator==(MoneyPerKwh const&, MoneyPerKwh const&) = default;
};

inline Money operator*(MoneyPerHour const& rate, Seconds time) {
    return {rate.amount * time.value() / seconds_per_hour, rate.currency};
}

} // namespace moesaic
