#pragma once
#include "base/dtype.hpp"
#include "base/money.hpp"
#include "base/units.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::hardware {

/// An accelerator package as the system sees it: one rank. What is not known stays empty; nothing is filled
/// in.
struct Chip {
    std::string id;
    std::string vendor;
    std::string name;
    /// Dense peak of the matrix units, no sparsity.
    std::map<Dtype, Fact<FlopPerSecond>> peak;
    std::optional<Fact<Bytes>> memory_capacity;
    std::optional<Fact<BytesPerSecond>> memory_bandwidth;
    std::optional<Fact<std::string>> scale_up_name;
    std::optional<Fact<BytesPerSecond>> scale_up_bandwidth; ///< each way
    std::optional<Fact<std::string>> scale_up_topology;
    std::optional<Fact<int>> scale_up_domain; ///< chips that the scale-up link joins
    std::optional<Fact<std::string>> pcie;
    std::optional<Fact<BytesPerSecond>> nic_bandwidth; ///< scale-out per chip, each way
    std::optional<Fact<Watts>> power;                  ///< thermal design power
    std::optional<Fact<double>> die_area_mm2;
    std::optional<Fact<double>> applicable_die_area_mm2;
    std::optional<Fact<BytesPerSecond>> io_bandwidth_both_ways; ///< scale-up + PCIe, as BIS counts
    std::optional<Fact<double>> tpp;                            ///< total processing performance (BIS)
    std::optional<Fact<double>> performance_density;            ///< TPP per mm2 of applicable die area
    std::optional<Fact<std::string>> launch_date;               ///< ISO 8601, possibly only year or month
    std::optional<Fact<std::string>> process_node;
    std::optional<Fact<std::string>> eccn;
    std::optional<bool> us_origin;
    std::optional<bool> datacenter_designed;
    /// Names under which timing tables list this chip ("H800-SXM"), and older names.
    std::vector<std::string> timing_names;
    std::string file; ///< where it was read
};

/// The figure, or an InputError "chip X: peak bf16 is not known" that names chip, figure and what it is
/// needed for.
[[nodiscard]] FlopPerSecond peak_of(Chip const& chip, Dtype dtype);
[[nodiscard]] Bytes memory_of(Chip const& chip);
[[nodiscard]] BytesPerSecond memory_bandwidth_of(Chip const& chip);
[[nodiscard]] bool supports(Chip const& chip, Dtype dtype);

[[nodiscard]] Chip read_chip(io::TomlTable const& table);

} // namespace moesaic::hardware
