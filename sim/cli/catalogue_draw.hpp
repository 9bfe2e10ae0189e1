#pragma once
#include "scenario/scenario.hpp"

#include <cstdint>
#include <string>

namespace moesaic::cli {

/// Draws, for every figure of the scenario's chips and node types on which sources disagree, one of the values that
/// they give, each as likely as the other. One random stream for each figure and draw: a further figure changes no other.
/// Chips that two pools share get the same draw.
/// @return what was drawn: "nvidia_h20 memory.capacity 1/2, .." (0 = the catalogue's choice, of 2 others)
std::string draw_catalogue(scenario::Scenario& scenario, std::uint64_t seed, std::int64_t draw);

} // namespace moesaic::cli
