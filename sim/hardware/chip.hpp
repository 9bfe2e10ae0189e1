#pragma once
#include "base/dtype.hpp"
#include "base/errors.hpp"
#include "base/money.hpp"
#include "base/units.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::hardware {

/// An accelerator package as the system sees it: one rank. What is not known stays empty; nothing is filled
/// in.
struct Chip {
    std::string id;
    std::string vendor;
    std::string name;
    std::string kind;   ///< "gpu" or "npu"
    std::string status; ///< "released", or what was reported of it
    /// Dense peak of the matrix units, no sparsity.
    std::map<Dtype, Fact<FlopPerSecond>> peak;
    std::optional<Fact<Bytes>> memory_capacity;
    std::optional<std::string> memory_type;
    std::optional<Fact<BytesPerSecond>> memory_bandwidth;
    std::optional<Fact<std::string>> scale_up_name;
    std::optional<Fact<BytesPerSecond>> scale_up_bandwidth; ///< each way; 0 where there is no such link
    std::optional<Fact<std::string>> scale_up_topology;
    std::optional<Fact<int>> scale_up_domain; ///< chips that the scale-up link joins
    std::optional<Fact<std::string>> pcie;
    std::optional<Fact<BytesPerSecond>> nic_bandwidth; ///< scale-out per chip, each way
    std::optional<Fact<Watts>> power;                  ///< thermal design power
    std::optional<Fact<Watts>> idle_power;             ///< of the card, no work
    std::optional<Fact<Watts>> load_power;             ///< of the card, measured at work
    /// From chip to chip of the kind, relative standard deviation of the time of kernels that the power limit slows.
    std::optional<Fact<double>> speed_spread;
    std::optional<Fact<double>> die_area_mm2;
    std::optional<Fact<double>>
        applicable_die_area_mm2; ///< of dies with non-planar transistors, as BIS counts
    std::optional<Fact<bool>> non_planar_transistors;
    std::optional<Fact<BytesPerSecond>> io_bandwidth_both_ways; ///< scale-up + PCIe, as BIS counts
    std::optional<Fact<double>> tpp;                            ///< total processing performance (BIS)
    std::optional<Fact<double>> performance_density;            ///< TPP per mm2 of applicable die area
    std::optional<Fact<std::string>> launch_date;               ///< ISO 8601, possibly only year or month
    std::optional<Fact<std::string>> process_node;
    std::optional<Fact<std::string>> eccn;
    std::optional<bool> us_origin;
    std::optional<bool> datacenter_designed;
    /// Chips of one die, sold with other memory, links or clocks, run the same kernels. Empty = nothing else has it.
    std::string die;
    /// Names under which timing tables list this chip ("H800-SXM"), and older names.
    std::vector<std::string> timing_names;
    std::string file; ///< where it was read

    friend bool operator==(Chip const&, Chip const&) = default;
};

/// The name of the die; of a chip whose die is not named, its id.
[[nodiscard]] std::string const& die_of(Chip const& chip);

/// The figure that the chip's matrix units run this format with, null where it is not known. Formats that run
/// on the units of another one share its figure: fp8_block that of fp8; mxfp8 that of fp8 where the chip has
/// an fp4 figure (only units with block scales have one).
[[nodiscard]] Fact<FlopPerSecond> const* find_peak(Chip const& chip, Dtype dtype);
/// @throws InputError naming chip and figure where it is not known: "chip X: peak bf16 is not known"
[[nodiscard]] FlopPerSecond peak_of(Chip const& chip, Dtype dtype);
[[nodiscard]] Bytes memory_of(Chip const& chip);
[[nodiscard]] BytesPerSecond memory_bandwidth_of(Chip const& chip);
[[nodiscard]] bool supports(Chip const& chip, Dtype dtype);

/// "chip X: <figure> is not known", for other rooms that need a figure that the catalogue lacks.
[[nodiscard]] InputError unknown_figure(Chip const& chip, std::string_view figure);

[[nodiscard]] Chip read_chip(io::TomlTable const& table);

} // namespace moesaic::hardware
