#include "export_control/attribute.hpp"

#include "base/errors.hpp"

#include <array>

namespace moesaic::export_control {

namespace {

using enum ValueType;

constexpr std::array table{
    AttributeInfo{Attribute::chip, "chip", word, false, "chip", "id of the chip in the catalogue"},
    AttributeInfo{Attribute::vendor, "vendor", word, false, "vendor", "vendor as the catalogue names it"},
    AttributeInfo{Attribute::kind, "kind", word, false, "kind", "gpu, npu or memory (a loose memory stack)"},
    AttributeInfo{Attribute::us_origin, "us_origin", flag, false, "US origin",
                  "sold by a US company under the Export Administration Regulations (EAR)"},
    AttributeInfo{Attribute::datacenter_designed, "datacenter_designed", flag, false,
                  "designed for data centres", "designed or marketed for data centres"},
    AttributeInfo{Attribute::launch_date, "launch_date", ValueType::date, false, "launch date",
                  "first day of sale; a month or year leaves comparisons within it unknown"},
    AttributeInfo{Attribute::tpp, "tpp", number, false, "TPP",
                  "total processing performance: dense TOPS (2 operations per MAC) x bit length, the largest "
                  "over the formats"},
    AttributeInfo{Attribute::performance_density, "performance_density", number, false, "performance density",
                  "TPP per mm2 of applicable die area"},
    AttributeInfo{Attribute::applicable_die_area, "applicable_die_area", area, false, "applicable die area",
                  "mm2 of logic dies with non-planar transistors"},
    AttributeInfo{Attribute::die_area, "die_area", area, false, "die area", "mm2 of all logic dies"},
    AttributeInfo{Attribute::non_planar_transistors, "non_planar_transistors", flag, false,
                  "non-planar transistors", "FinFET or gate-all-around"},
    AttributeInfo{Attribute::memory_bandwidth, "memory_bandwidth", bandwidth, false, "memory bandwidth",
                  "all DRAM of the package together, e.g. 1400 GB/s"},
    AttributeInfo{Attribute::memory_capacity, "memory_capacity", size, false, "memory capacity",
                  "DRAM of the package, e.g. 96 GiB"},
    AttributeInfo{Attribute::io_bandwidth_both_ways, "io_bandwidth_both_ways", bandwidth, false,
                  "I/O bandwidth (both ways)",
                  "all I/O but memory, both directions added: scale-up link and PCIe"},
    AttributeInfo{Attribute::memory_plus_io_bandwidth, "memory_plus_io_bandwidth", bandwidth, false,
                  "memory plus I/O bandwidth", "sum of memory_bandwidth and io_bandwidth_both_ways"},
    AttributeInfo{Attribute::scale_up_bandwidth, "scale_up_bandwidth", bandwidth, false, "scale-up bandwidth",
                  "scale-up link, each way"},
    AttributeInfo{Attribute::power, "power", ValueType::power, false, "power", "thermal design power in W"},
    AttributeInfo{
        Attribute::hbm_bandwidth_density, "hbm_bandwidth_density", bandwidth_density, false,
        "HBM bandwidth density",
        "bandwidth of a loose memory stack per package area, in GB/s/mm2; the catalogue does not hold it"},
    AttributeInfo{Attribute::date, "date", ValueType::date, true, "date", "day of the deal"},
    AttributeInfo{Attribute::destination, "destination", country, true, "destination",
                  "country that the chip is shipped to"},
    AttributeInfo{Attribute::headquarters, "headquarters", country, true, "headquarters",
                  "country where the buyer or its ultimate parent has its headquarters"},
    AttributeInfo{Attribute::exported_from, "exported_from", country, true, "exported from",
                  "country that the chip is shipped from"},
    AttributeInfo{Attribute::end_use, "end_use", word, true, "end use",
                  "commercial, state_funded_data_centre, foundry_customer, listed_affiliate or military"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (table[i].attribute != static_cast<Attribute>(i)) {
            return false;
        }
    }
    return table.size() == static_cast<std::size_t>(Attribute::end_use) + 1;
}
static_assert(in_order());

} // namespace

std::span<AttributeInfo const> attributes() { return table; }

AttributeInfo const& info_of(Attribute attribute) { return table[static_cast<std::size_t>(attribute)]; }

std::optional<Attribute> find_attribute(std::string_view name) {
    for (auto const& info : table) {
        if (info.name == name) {
            return info.attribute;
        }
    }
    return std::nullopt;
}

std::vector<std::string> attribute_names() {
    std::vector<std::string> out;
    for (auto const& info : table) {
        out.emplace_back(info.name);
    }
    return out;
}

std::vector<std::string> const& end_use_names() {
    static std::vector<std::string> const names{"commercial", "state_funded_data_centre", "foundry_customer",
                                                "listed_affiliate", "military"};
    return names;
}

} // namespace moesaic::export_control
