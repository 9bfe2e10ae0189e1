#include "economics/training_bill.hpp"

#include "base/calendar.hpp"

#include <fmt/format.h>

namespace moesaic::economics {

namespace {

constexpr double kilo = 1000.0;

/// What all lots' lines are made with.
struct Context {
    TrainingUse const& use;
    BillTerms const& terms;
    Bill& bill;

    [[nodiscard]] double hours() const { return use.training.value() / seconds_per_hour; }
    [[nodiscard]] double in_currency(Money const& money) const {
        return convert(money, terms.currency, terms.exchange_year, terms.rates, terms.asked_at).amount;
    }
    /// Registers the figure's span; its value is what the lines multiply with.
    double figure(std::string const& name, Spread const& spread) const {
        bill.factors[name] = spread.value > 0.0 ? spread * (1.0 / spread.value) : Spread{1.0, 1.0, 1.0};
        return spread.value;
    }
};

Spread product(Spread const& a, Spread const& b) {
    return {a.low * b.low, a.value * b.value, a.high * b.high};
}

Spread watts(hardware::Fact<Watts> const& fact) {
    return spread_of(fact, [](Watts power) { return power.value(); });
}

/// Measured, or the share of the design power.
Spread card_power(hardware::Chip const& chip, std::optional<hardware::Fact<Watts>> const& measured,
                  hardware::Fact<double> const& share) {
    if (measured) {
        return watts(*measured);
    }
    if (!chip.power) {
        throw hardware::unknown_figure(chip, "power");
    }
    return product({chip.power->value.value(), chip.power->value.value(), chip.power->value.value()},
                   spread_of(share));
}

/// Energy of the lot by what draws it. @return the lines, to be priced
std::vector<BillLine> energy_lines(Lot const& lot, Context const& in) {
    auto const& [use, terms, bill] = in;
    auto const& id = lot.chip.id;
    auto const load =
        in.figure("load power of " + id, card_power(lot.chip, lot.chip.load_power, terms.hosting.load_share));
    auto const idle =
        in.figure("idle power of " + id, card_power(lot.chip, lot.chip.idle_power, terms.hosting.idle_share));
    auto const pue = in.figure("PUE", spread_of(terms.hosting.pue));
    auto const host = in.figure("host power", spread_of(terms.hosting.host_power));
    auto const busy = use.busy.at(id);
    auto const kwh = [&](double power) {
        return static_cast<double>(lot.chips) * power * pue * in.hours() / kilo;
    };
    return {{Account::energy, id, "load", kwh(load * busy), {"load power of " + id, "PUE"}},
            {Account::energy, id, "idle", kwh(idle * (1.0 - busy)), {"idle power of " + id, "PUE"}},
            {Account::energy, id, "host", kwh(load * host), {"load power of " + id, "host power", "PUE"}}};
}

std::vector<BillLine> power_lines(std::vector<BillLine> energy, Context const& in) {
    auto const& price_fact = in.terms.hosting.power_price;
    auto const price = in.figure("power price", spread_of(price_fact, [&](MoneyPerKwh const& p) {
                                     return in.in_currency({p.amount, p.currency});
                                 }));
    for (auto& line : energy) {
        line.account = Account::power;
        line.amount *= price;
        line.factors.emplace_back("power price");
    }
    return energy;
}

/// A purchase price, and whether it holds the rest of the server.
struct FoundPrice {
    Spread spread;
    bool server_included = false;
};

std::optional<FoundPrice> find_price(Lot const& lot, Context const& in) {
    auto const number = [&](Money const& money) { return in.in_currency(money); };
    if (lot.price) {
        auto const price = number(*lot.price);
        return FoundPrice{{price, price, price}, false};
    }
    for (auto const& book : in.terms.purchases) {
        for (auto const& price : book.purchases) {
            if (price.chip == lot.chip.id) {
                return FoundPrice{spread_of(price.amount, number), book.server_included};
            }
        }
    }
    return std::nullopt;
}

/// The price of the lot, all that belongs to it included.
BillLine price_line(Lot const& lot, FoundPrice const& found, Context const& in) {
    auto const one_plus = [](hardware::Fact<double> const& share) {
        return spread_of(share, [](double value) { return 1.0 + value; });
    };
    auto const& id = lot.chip.id;
    BillLine line{.account = Account::purchase,
                  .chip = id,
                  .what = "",
                  .amount = static_cast<double>(lot.chips) * lot.price_factor * found.spread.value,
                  .factors = {"network price"},
                  .grows_with_time = false};
    if (!lot.price) { // what the scenario says is certain
        (void)in.figure("price of " + id, found.spread);
        line.factors.push_back("price of " + id);
    }
    line.amount *= in.figure("network price", one_plus(in.terms.hosting.network_price));
    if (!found.server_included) {
        line.amount *= in.figure("host price", one_plus(in.terms.hosting.host_price));
        line.factors.emplace_back("host price");
    }
    return line;
}

/// The part of a price that the training uses up.
BillLine use_line(BillLine line, Context const& in) {
    auto const share =
        in.figure("one over the lifetime",
                  spread_of(in.terms.hosting.lifetime_years, [](double years) { return 1.0 / years; }));
    line.account = Account::use;
    line.amount *= share * in.hours() / hours_per_year;
    line.factors.emplace_back("one over the lifetime");
    line.grows_with_time = true;
    return line;
}

std::optional<BillLine> rent_line(Lot const& lot, Context const& in) {
    auto const number = [&](MoneyPerHour const& rent) {
        return in.in_currency({rent.amount, rent.currency});
    };
    BillLine line{.account = Account::rent,
                  .chip = lot.chip.id,
                  .what = "",
                  .amount = static_cast<double>(lot.chips) * in.hours(),
                  .factors = {}};
    if (lot.rent) {
        line.amount *= number(*lot.rent);
        return line;
    }
    if (in.terms.rents) {
        for (auto const& price : in.terms.rents->rents) {
            if (price.chip == lot.chip.id) {
                line.factors.push_back("rent of " + lot.chip.id);
                line.amount *= in.figure(line.factors.front(), spread_of(price.amount, number));
                return line;
            }
        }
    }
    return std::nullopt;
}

double sum_of(std::vector<BillLine> const& lines) {
    double sum = 0.0;
    for (auto const& line : lines) {
        sum += line.amount;
    }
    return sum;
}

InputError no_price(Lot const& lot, std::string_view kind) {
    return InputError{
        lot.origin, fmt::format("no price book of this scenario has a {} for {}", kind, lot.chip.id),
        kind == "rent" ? "Name another book under `prices`, or give the price under fleet.rented"
                       : "Name more books under economics.purchases, or give the price under "
                         "fleet.supply, or fleet.stock of the day of owned_since"};
}

void add_lot(Lot& lot, Context const& in) {
    auto const energy = energy_lines(lot, in);
    in.bill.lines.insert(in.bill.lines.end(), energy.begin(), energy.end());
    auto const rent = lot.way == Way::rented || lot.may_be_rented ? rent_line(lot, in) : std::nullopt;
    auto const price = lot.way == Way::rented ? std::nullopt : find_price(lot, in);
    if (!rent && !price) {
        throw no_price(lot, lot.way == Way::rented ? "rent" : "purchase price");
    }
    std::vector<BillLine> own;
    if (price) {
        own = power_lines(energy, in);
        own.push_back(use_line(price_line(lot, *price, in), in));
    }
    if (rent && (!price || rent->amount < sum_of(own))) {
        lot.way = Way::rented;
        in.bill.lines.push_back(*rent);
        return;
    }
    in.bill.lines.insert(in.bill.lines.end(), own.begin(), own.end());
    if (lot.way == Way::bought) {
        in.bill.lines.push_back(price_line(lot, *price, in));
    }
}

} // namespace

std::string_view name_of(Way way) {
    constexpr std::string_view names[] = {"owned", "bought", "rented"};
    return names[static_cast<std::size_t>(way)];
}

Bill bill_of(std::vector<Lot>& lots, TrainingUse const& use, BillTerms const& terms) {
    Bill bill{.currency = terms.currency,
              .training = use.training,
              .waiting = use.waiting,
              .factors = {},
              .step_errors = use.step_errors,
              .lines = {}};
    Context const context{use, terms, bill};
    for (auto& lot : lots) {
        expects(lot.chips > 0 && use.busy.contains(lot.chip.id), "a lot of chips that the training uses");
        add_lot(lot, context);
    }
    return bill;
}

} // namespace moesaic::economics
