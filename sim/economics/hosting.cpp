#include "economics/hosting.hpp"

#include "hardware/read_entry.hpp"
#include "hardware/read_fact.hpp"

namespace moesaic::economics {

namespace {

hardware::Fact<double> read_above_zero(io::TomlTable const& table, std::string_view key) {
    auto fact = hardware::read_fact<double>(table, key);
    if (fact.value <= 0.0) {
        throw InputError{table.origin(key), "must be above zero"};
    }
    return fact;
}

} // namespace

Hosting read_hosting(io::TomlTable const& table) {
    auto const power = table.table("power");
    auto const purchase = table.table("purchase");
    Hosting out{.id = table.text("id"),
                .name = table.text("name"),
                .power_price = hardware::read_fact<MoneyPerKwh>(power, "price"),
                .pue = read_above_zero(power, "pue"),
                .host_power = hardware::read_fact<double>(power, "host"),
                .load_share = read_above_zero(power, "load_share"),
                .idle_share = hardware::read_fact<double>(power, "idle_share"),
                .host_price = hardware::read_fact<double>(purchase, "host"),
                .network_price = hardware::read_fact<double>(purchase, "network"),
                .lifetime_years = read_above_zero(purchase, "lifetime_years")};
    if (out.pue.value < 1.0) {
        throw InputError{power.origin("pue"), "must be 1 or more: the building draws what the machines draw"};
    }
    for (auto const& other : out.power_price.alternatives) {
        if (other.value.currency != out.power_price.value.currency) {
            throw InputError{power.origin("price"), "alternatives must be in the currency of the price"};
        }
    }
    power.reject_unknown_keys();
    purchase.reject_unknown_keys();
    table.reject_unknown_keys();
    return out;
}

Hosting find_hosting(std::string const& platforms_folder, std::string const& id, Origin const& asked_at) {
    return read_hosting(hardware::read_entry(platforms_folder + "/hosting", "hosting", id, asked_at));
}

} // namespace moesaic::economics
