#include "hardware/chip.hpp"

#include "base/date.hpp"
#include "base/nearest_names.hpp"
#include "hardware/read_fact.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <span>

namespace moesaic::hardware {

namespace {

/// Times follow from these by division.
template <class T>
Fact<T> above_zero(Fact<T> fact, io::TomlTable const& table, std::string_view key) {
    if (!(fact.value > T{0.0})) {
        throw InputError{table.origin(key), "must be above 0", "Leave it out where it is not known"};
    }
    return fact;
}

template <class T>
std::optional<Fact<T>> read_above_zero(io::TomlTable const& table, std::string_view key) {
    auto fact = read_optional_fact<T>(table, key);
    return fact ? std::optional{above_zero(*std::move(fact), table, key)} : std::nullopt;
}

void read_peaks(io::TomlTable const& table, Chip& chip) {
    for (auto const& key : table.keys()) {
        auto const dtype = find_dtype(key);
        if (!dtype) {
            throw InputError{table.origin(key), "is no known number format", suggestion(key, dtype_names())};
        }
        chip.peak.emplace(*dtype, above_zero(read_fact<FlopPerSecond>(table, key), table, key));
    }
}

void read_memory(io::TomlTable const& table, Chip& chip) {
    chip.memory_type = table.optional_text("type");
    chip.memory_capacity = read_above_zero<Bytes>(table, "capacity");
    chip.memory_bandwidth = read_above_zero<BytesPerSecond>(table, "bandwidth");
    table.reject_unknown_keys();
}

void read_links(io::TomlTable const& table, Chip& chip) {
    chip.scale_up_name = read_optional_fact<std::string>(table, "scale_up_name");
    chip.scale_up_bandwidth = read_optional_fact<BytesPerSecond>(table, "scale_up_bandwidth");
    chip.scale_up_topology = read_optional_fact<std::string>(table, "scale_up_topology");
    chip.scale_up_domain = read_optional_fact<int>(table, "scale_up_domain");
    chip.pcie = read_optional_fact<std::string>(table, "pcie");
    chip.nic_bandwidth = read_above_zero<BytesPerSecond>(table, "nic_bandwidth");
    table.reject_unknown_keys();
}

void read_package(io::TomlTable const& table, Chip& chip) {
    chip.power = read_optional_fact<Watts>(table, "power");
    chip.idle_power = read_optional_fact<Watts>(table, "idle_power");
    chip.load_power = read_optional_fact<Watts>(table, "load_power");
    chip.speed_spread = read_optional_fact<double>(table, "speed_spread");
    if (chip.speed_spread && chip.speed_spread->value >= 1.0) {
        throw InputError{table.origin("speed_spread"), "must be below 1 (0.012 = 1.2 %)"};
    }
    chip.die_area_mm2 = read_optional_fact<double>(table, "die_area_mm2");
    chip.process_node = read_optional_fact<std::string>(table, "process_node");
    chip.launch_date = read_optional_fact<std::string>(table, "launch_date");
    if (chip.launch_date && !parse_date_span(chip.launch_date->value)) {
        throw InputError{table.origin("launch_date"),
                         fmt::format("\"{}\" is no date", chip.launch_date->value),
                         "Write it like \"2025-04-15\", \"2025-04\", \"2025-Q2\" or \"2025\""};
    }
    table.reject_unknown_keys();
}

void read_rule_figures(io::TomlTable const& table, Chip& chip) {
    chip.eccn = read_optional_fact<std::string>(table, "eccn");
    chip.tpp = read_optional_fact<double>(table, "tpp");
    chip.performance_density = read_optional_fact<double>(table, "performance_density");
    chip.applicable_die_area_mm2 = read_optional_fact<double>(table, "applicable_die_area_mm2");
    chip.non_planar_transistors = read_optional_fact<bool>(table, "non_planar_transistors");
    chip.io_bandwidth_both_ways = read_optional_fact<BytesPerSecond>(table, "io_bandwidth_both_ways");
    table.reject_unknown_keys();
}

template <class Read>
void read_section(io::TomlTable const& table, std::string_view key, Chip& chip, Read read) {
    if (auto const section = table.optional_table(key)) {
        read(*section, chip);
    }
}

} // namespace

namespace {

constexpr std::array<std::string_view, 2> kinds{"gpu", "npu"};
constexpr std::array<std::string_view, 3> statuses{"released", "reported", "roadmap"};

/// One of the words; after a comma there may be more for people to read: "roadmap, Q4 2026".
std::string read_word(io::TomlTable const& table, std::string_view key,
                      std::span<std::string_view const> known) {
    auto const text = table.text(key);
    if (std::ranges::find(known, text.substr(0, text.find(','))) == known.end()) {
        throw InputError{table.origin(key), fmt::format("\"{}\" is not known", text),
                         fmt::format("It is one of {}", fmt::join(known, ", "))};
    }
    return text;
}

} // namespace

std::string const& die_of(Chip const& chip) { return chip.die.empty() ? chip.id : chip.die; }

Chip read_chip(io::TomlTable const& table) {
    Chip chip;
    chip.id = table.text("id");
    chip.vendor = table.text("vendor");
    chip.name = table.text("name");
    chip.kind = read_word(table, "kind", kinds);
    chip.status = read_word(table, "status", statuses);
    if (table.has("us_origin")) {
        chip.us_origin = table.boolean("us_origin");
    }
    if (table.has("datacenter_designed")) {
        chip.datacenter_designed = table.boolean("datacenter_designed");
    }
    chip.die = table.text_or("die", "");
    if (table.has("timing_names")) {
        chip.timing_names = table.texts("timing_names");
    }
    read_section(table, "peak", chip, read_peaks);
    read_section(table, "memory", chip, read_memory);
    read_section(table, "links", chip, read_links);
    read_section(table, "package", chip, read_package);
    read_section(table, "export_control", chip, read_rule_figures);
    table.reject_unknown_keys();
    chip.file = table.origin().file;
    return chip;
}

InputError unknown_figure(Chip const& chip, std::string_view figure) {
    return InputError{Origin::whole_file(chip.file), fmt::format("chip {}: {} is not known", chip.id, figure),
                      "Add it to the chip's file with its source, or take another chip"};
}

Fact<FlopPerSecond> const* find_peak(Chip const& chip, Dtype dtype) {
    auto const has = [&](Dtype d) { return chip.peak.contains(d); };
    if (!has(dtype) && has(Dtype::fp8)) {
        bool const block_scales = has(Dtype::mxfp4) || has(Dtype::nvfp4);
        if (dtype == Dtype::fp8_block || (dtype == Dtype::mxfp8 && block_scales)) {
            dtype = Dtype::fp8;
        }
    }
    auto const found = chip.peak.find(dtype);
    return found == chip.peak.end() ? nullptr : &found->second;
}

FlopPerSecond peak_of(Chip const& chip, Dtype dtype) {
    if (auto const* peak = find_peak(chip, dtype)) {
        return peak->value;
    }
    std::vector<std::string_view> known;
    std::ranges::transform(chip.peak, std::back_inserter(known),
                           [](auto const& p) { return name_of(p.first); });
    throw unknown_figure(chip, known.empty() ? fmt::format("peak {}", name_of(dtype))
                                             : fmt::format("peak {}, unlike that of {},", name_of(dtype),
                                                           fmt::join(known, ", ")));
}

bool supports(Chip const& chip, Dtype dtype) { return find_peak(chip, dtype) != nullptr; }

Bytes memory_of(Chip const& chip) {
    if (!chip.memory_capacity) {
        throw unknown_figure(chip, "memory capacity");
    }
    return chip.memory_capacity->value;
}

BytesPerSecond memory_bandwidth_of(Chip const& chip) {
    if (!chip.memory_bandwidth) {
        throw unknown_figure(chip, "memory bandwidth");
    }
    return chip.memory_bandwidth->value;
}

} // namespace moesaic::hardware
