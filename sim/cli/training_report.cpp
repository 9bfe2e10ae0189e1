#include "cli/training_report.hpp"

#include "base/calendar.hpp"
#include "cli/number_text.hpp"
#include "io/unit_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::cli {

namespace {

using economics::Account;
using economics::Total;

constexpr double joules_per_kwh = 3.6e6;

std::string days(Seconds time) { return fmt::format("{:.1f} days", time.value() / seconds_per_day); }

/// "12.3 M CNY (80 %: 10.1 M CNY to 15.2 M CNY)"
template <class Text>
std::string with_interval(economics::Bill const& bill, Total which, Text text) {
    auto const interval = economics::interval_of(bill, which);
    return fmt::format("{} (80 %: {} to {})", text(total(bill, which)), text(interval.low),
                       text(interval.high));
}

/// "use 8.1 M CNY, power 2 M CNY"; accounts without an amount are left out.
std::string parts_text(economics::Bill const& bill, std::vector<Account> const& accounts) {
    std::vector<std::string> parts;
    for (auto const account : accounts) {
        if (auto const amount = total(bill, account); amount > 0.0) {
            parts.push_back(
                fmt::format("{} {}", name_of(account), io::text_of(Money{amount, bill.currency})));
        }
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

io::Json interval_json(economics::Bill const& bill, Total which, double unit = 1.0) {
    auto const interval = economics::interval_of(bill, which);
    return io::Json::array().add(interval.low / unit).add(interval.high / unit);
}

io::Json money_json(double amount, std::string const& currency) {
    return io::Json::object().set("value", amount).set("currency", currency);
}

} // namespace

std::string lot_text(export_control::AcquiredLot const& acquired) {
    auto const& [lot, day, place, priced_by] = acquired;
    auto out = fmt::format("{} {} {}", grouped(lot.chips), lot.chip.id, name_of(lot.way));
    if (place) {
        out += " in " + *place;
    }
    if (day) {
        out += fmt::format(" {} {}", lot.way == economics::Way::owned ? "since" : "on", iso_text(*day));
    }
    if (!priced_by.empty() && lot.way == economics::Way::bought) {
        out +=
            fmt::format(", at {:+.0f} % ({})", 100.0 * (lot.price_factor - 1.0), fmt::join(priced_by, ", "));
    }
    return out;
}

std::string over_budget_text(results::Spending const& spending) {
    return fmt::format("{} go out until the training ends, more than the budget of {}",
                       io::text_of(Money{total(spending.bill, Total::outlay), spending.bill.currency}),
                       io::text_of(*spending.budget));
}

std::string training_text(scenario::Scenario const& s, results::Run const& run) {
    auto const& training = *run.training;
    double steps = 0.0;
    for (auto const& phase : training.phases) {
        steps += phase.steps;
    }
    auto out = fmt::format("          {} in {} steps take {} without failures\n", io::text_of(s.tokens),
                           grouped(steps), days(training.undisturbed));
    if (training.phases.size() > 1) {
        std::vector<std::string> parts;
        for (auto const& phase : training.phases) {
            parts.push_back(fmt::format("{} steps of {} sequences, {} each", grouped(phase.steps),
                                        grouped(std::int64_t{phase.global_batch}), io::text_of(phase.step)));
        }
        out += fmt::format("          {}\n", fmt::join(parts, "; "));
    }
    if (training.played) {
        auto const& played = *training.played;
        out += fmt::format(
            "          with failures and checkpoints {}: goodput {}, {} failures, {} checkpoints\n",
            days(played.wall), percent(played.goodput(training.undisturbed)), played.failures,
            played.checkpoints);
        if (played.without_nodes.value() > 0.0) {
            out += fmt::format("          {} of them without enough nodes\n", days(played.without_nodes));
        }
    }
    return out;
}

io::Json training_json(results::TrainingTime const& training) {
    auto phases = io::Json::array();
    for (auto const& phase : training.phases) {
        phases.add(io::Json::object()
                       .set("global_batch", phase.global_batch)
                       .set("steps", phase.steps)
                       .set("step_time_s", phase.step.value()));
    }
    auto out = io::Json::object();
    out.set("undisturbed_s", training.undisturbed.value())
        .set("wall_s", training.wall().value())
        .set("phases", std::move(phases));
    if (training.played) {
        auto const& played = *training.played;
        out.set("goodput", played.goodput(training.undisturbed))
            .set("failures", played.failures)
            .set("checkpoints", played.checkpoints)
            .set("lost_s", played.lost.value())
            .set("saving_s", played.saving.value())
            .set("recovering_s", played.recovering.value())
            .set("without_nodes_s", played.without_nodes.value());
    }
    return out;
}

std::string spending_text(results::Spending const& spending) {
    auto const& bill = spending.bill;
    auto const money = [&](double amount) { return io::text_of(Money{amount, bill.currency}); };
    auto const energy = [](double kwh) { return io::text_of(Joules{kwh * joules_per_kwh}); };
    std::string out;
    for (auto const& lot : spending.lots) {
        out += fmt::format("{}{}\n", out.empty() ? "chips     " : "          ", lot_text(lot));
    }
    out += fmt::format("cost      {}: {}\n", with_interval(bill, Total::cost, money),
                       parts_text(bill, {Account::use, Account::rent, Account::power}));
    auto const parts = parts_text(bill, {Account::purchase, Account::rent, Account::power});
    out += fmt::format("outlay    {}: {}{}\n", with_interval(bill, Total::outlay, money),
                       parts.empty() ? "nothing" : parts,
                       spending.budget ? fmt::format("; budget {}", io::text_of(*spending.budget)) : "");
    out += fmt::format("energy    {}\n", with_interval(bill, Total::energy, energy));
    if (bill.waiting.value() > 0.0) {
        out += fmt::format("done      {} after the regime's date, {} of them waiting for the start\n",
                           days(Seconds{total(bill, Total::time)}), days(bill.waiting));
    }
    return out;
}

io::Json spending_json(results::Spending const& spending) {
    auto const& bill = spending.bill;
    auto lots = io::Json::array();
    for (auto const& acquired : spending.lots) {
        auto rules = io::Json::array();
        for (auto const& rule : acquired.priced_by) {
            rules.add(rule);
        }
        lots.add(io::Json::object()
                     .set("chip", acquired.lot.chip.id)
                     .set("chips", acquired.lot.chips)
                     .set("way", name_of(acquired.lot.way))
                     .set("date", acquired.day ? io::Json{iso_text(*acquired.day)} : io::Json{})
                     .set("place", io::Json::optional(acquired.place))
                     .set("price_factor", acquired.lot.price_factor)
                     .set("priced_by", std::move(rules)));
    }
    auto lines = io::Json::array();
    for (auto const& line : bill.lines) {
        lines.add(io::Json::object()
                      .set("account", name_of(line.account))
                      .set("chip", line.chip)
                      .set("what", line.what)
                      .set("amount", line.amount)
                      .set("unit", line.account == Account::energy ? "kWh" : bill.currency));
    }
    return io::Json::object()
        .set("chips", std::move(lots))
        .set("cost", money_json(total(bill, Total::cost), bill.currency))
        .set("cost_interval_80", interval_json(bill, Total::cost))
        .set("outlay", money_json(total(bill, Total::outlay), bill.currency))
        .set("outlay_interval_80", interval_json(bill, Total::outlay))
        .set("budget", spending.budget ? money_json(spending.budget->amount, bill.currency) : io::Json{})
        .set("energy_kwh", total(bill, Total::energy))
        .set("energy_interval_80_kwh", interval_json(bill, Total::energy))
        .set("days", total(bill, Total::time) / seconds_per_day)
        .set("days_interval_80", interval_json(bill, Total::time, seconds_per_day))
        .set("lines", std::move(lines));
}

} // namespace moesaic::cli
