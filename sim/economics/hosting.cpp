#include "economics/hosting.hpp"

#include "hardware/read_entry.hpp"
#include "hardware/read_fact.hpp"

#include <algorithm>

namespace moesaic::economics {

namespace {

/// The value and those of other sources, since a bill draws from all of them.
template <class T, class Holds>
void check_all(io::TomlTable const& table, std::string_view key, hardware::Fact<T> const& fact, Holds holds,
               std::string_view problem) {
    auto const held = [&](auto const& one) { return holds(one.value); };
    if (!held(fact) || !std::ranges::all_of(fact.alternatives, held)) {
        throw InputError{table.origin(key), problem};
    }
}

hardware::Fact<double> read_above_zero(io::TomlTable const& table, std::string_view key) {
    auto fact = hardware::read_fact<double>(table, key);
    check_all(table, key, fact, [](double value) { return value > 0.0; }, "must be above zero");
    return fact;
}

hardware::Fact<double> read_pue(io::TomlTable const& power) {
    auto fact = hardware::read_fact<double>(power, "pue");
    check_all(
        power, "pue", fact, [](double value) { return value >= 1.0; },
        "must be 1 or more: the building draws what the machines draw");
    return fact;
}

hardware::Fact<MoneyPerKwh> read_power_price(io::TomlTable const& power) {
    auto fact = hardware::read_fact<MoneyPerKwh>(power, "price");
    check_all(
        power, "price", fact, [](MoneyPerKwh const& price) { return price.amount >= 0.0; },
        "must not be negative");
    check_all(
        power, "price", fact, [&](MoneyPerKwh const& price) { return price.currency == fact.value.currency; },
        "alternatives must be in the currency of the price");
    return fact;
}

} // namespace

Hosting read_hosting(io::TomlTable const& table) {
    auto const power = table.table("power");
    auto const purchase = table.table("purchase");
    Hosting out{.id = table.text("id"),
                .name = table.text("name"),
                .power_price = read_power_price(power),
                .pue = read_pue(power),
                .host_power = hardware::read_fact<double>(power, "host"),
                .load_share = read_above_zero(power, "load_share"),
                .idle_share = hardware::read_fact<double>(power, "idle_share"),
                .host_price = hardware::read_fact<double>(purchase, "host"),
                .network_price = hardware::read_fact<double>(purchase, "network"),
                .lifetime_years = read_above_zero(purchase, "lifetime_years")};
    power.reject_unknown_keys();
    purchase.reject_unknown_keys();
    table.reject_unknown_keys();
    return out;
}

Hosting find_hosting(std::string const& platforms_folder, std::string const& id, Origin const& asked_at) {
    return read_hosting(hardware::read_entry(platforms_folder + "/hosting", "hosting", id, asked_at));
}

} // namespace moesaic::economics
