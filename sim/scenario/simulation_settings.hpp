#pragma once
#include "base/errors.hpp"
#include "base/units.hpp"
#include "engine/folding.hpp"
#include "engine/perturbation.hpp"
#include "hardware/topology.hpp"
#include "io/toml.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace moesaic::scenario {

/// Which chips: one, or so many that the seed draws.
struct ChosenChips {
    std::optional<std::int64_t> chip; ///< counted over the pools in order
    int count = 1;
    Origin origin;
};

struct SlowChips {
    ChosenChips chips;
    double slowdown = 1.0; ///< of their kernels
};

/// Which of a chip's links, both ways.
enum class LinkOfChip { scale_up, nic, leaf };

struct SlowLinks {
    ChosenChips chips;
    LinkOfChip link = LinkOfChip::nic;
    double factor = 1.0; ///< of its bandwidth
    Seconds from;
    std::optional<Seconds> until; ///< none = to the end of the step
};

/// [simulation]: how a step is simulated, and what goes wrong in it.
struct SimulationSettings {
    engine::Fold fold = engine::Fold::automatic;
    double jitter = 0.0; ///< spread of ln(time) of every stretch of kernels
    std::vector<SlowChips> stragglers;
    std::vector<SlowLinks> slow_links;
};

[[nodiscard]] SimulationSettings read_simulation(io::TomlTable const& table);

/// The settings' chips and links on the topology. @param seed of the draws
/// @throws InputError for chips and links that are not there
[[nodiscard]] engine::Perturbations perturbations_of(SimulationSettings const& settings,
                                                     hardware::Topology const& topology, std::uint64_t seed);

} // namespace moesaic::scenario
