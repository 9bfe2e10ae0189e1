#pragma once
#include "hardware/chip.hpp"
#include "hardware/cluster.hpp"

#include <string>
#include <utility>

namespace moesaic::timing {

template <class T>
hardware::Fact<T> fact(T value) {
    return {value, "made up for a test", hardware::Confidence::estimate, {}, {}};
}

/// 100 TFLOP/s in bf16 and fp16, 1 TB/s: balance 100 FLOP per byte. All of one maker are one die.
inline hardware::Chip example_chip(std::string id, std::string vendor = "Maker") {
    hardware::Chip chip;
    chip.id = id;
    chip.die = vendor + " die";
    chip.vendor = std::move(vendor);
    chip.name = id;
    chip.peak[Dtype::bf16] = fact(FlopPerSecond{100e12});
    chip.peak[Dtype::fp16] = fact(FlopPerSecond{100e12});
    chip.memory_bandwidth = fact(BytesPerSecond{1e12});
    chip.scale_up_bandwidth = fact(BytesPerSecond{200e9});
    chip.nic_bandwidth = fact(BytesPerSecond{50e9});
    chip.timing_names = {std::move(id)};
    return chip;
}

/// Another die than example_chip's, so many times faster in all.
inline hardware::Chip faster_chip(std::string id, double factor, std::string vendor = "Maker") {
    auto chip = example_chip(std::move(id), std::move(vendor));
    chip.die.clear();
    for (auto& [dtype, peak] : chip.peak) {
        peak.value *= factor;
    }
    chip.memory_bandwidth->value *= factor;
    return chip;
}

inline hardware::NodeType example_node(hardware::Chip chip) {
    hardware::NodeType node;
    node.id = "node";
    node.chip = std::move(chip);
    node.chips = 8;
    node.scale_up = {hardware::ScaleUpKind::switched, fact(node.chip.scale_up_bandwidth->value),
                     fact(Seconds{1e-6})};
    node.nics = 8;
    node.nic_bandwidth = fact(node.chip.nic_bandwidth->value);
    node.nic_latency = fact(Seconds{2e-6});
    return node;
}

inline constexpr char const* table_header = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n";

} // namespace moesaic::timing
