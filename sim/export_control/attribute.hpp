#pragma once
#include "export_control/value.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::export_control {

/// All that a predicate can ask for: figures of the chip and facts of the deal.
enum class Attribute {
    chip,
    vendor,
    kind,
    us_origin,
    datacenter_designed,
    launch_date,
    tpp,
    performance_density,
    applicable_die_area,
    die_area,
    non_planar_transistors,
    memory_bandwidth,
    memory_capacity,
    io_bandwidth_both_ways,
    memory_plus_io_bandwidth,
    scale_up_bandwidth,
    power,
    hbm_bandwidth_density,
    date,
    destination,
    headquarters,
    exported_from,
    end_use
};

struct AttributeInfo {
    Attribute attribute;
    std::string_view name; ///< in predicates and what-if files
    ValueType type;
    bool of_deal;             ///< date, places and end use; the others are figures of the chip
    std::string_view words;   ///< in sentences
    std::string_view meaning; ///< with the unit, for the documentation
};

/// In the order of the enumeration.
[[nodiscard]] std::span<AttributeInfo const> attributes();
[[nodiscard]] AttributeInfo const& info_of(Attribute attribute);
[[nodiscard]] std::optional<Attribute> find_attribute(std::string_view name);
[[nodiscard]] std::vector<std::string> attribute_names();

/// What an export can be for, as the rules tell it apart.
[[nodiscard]] std::vector<std::string> const& end_use_names();

} // namespace moesaic::export_control
