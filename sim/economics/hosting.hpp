#pragma once
#include "base/money.hpp"
#include "hardware/chip.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <string>

namespace moesaic::economics {

/// What chips of one's own cost at a place besides their price.
struct Hosting {
    std::string id;
    std::string name;
    hardware::Fact<MoneyPerKwh> power_price;
    hardware::Fact<double> pue;            ///< power of the building over that of the machines
    hardware::Fact<double> host_power;     ///< of the rest of a node, over that of its chips at work
    hardware::Fact<double> load_share;     ///< of the design power, for chips without a measured load power
    hardware::Fact<double> idle_share;     ///< of the design power, for chips without a known idle power
    hardware::Fact<double> host_price;     ///< of the rest of a server, over that of its chips
    hardware::Fact<double> network_price;  ///< of the network, over that of the servers
    hardware::Fact<double> lifetime_years; ///< over which a price is used up evenly
};

[[nodiscard]] Hosting read_hosting(io::TomlTable const& table);
/// platforms/hosting/ID.toml. @param asked_at where the id was written; an unknown id lists the nearest known ones
[[nodiscard]] Hosting find_hosting(std::string const& platforms_folder, std::string const& id,
                                   Origin const& asked_at);

} // namespace moesaic::economics
