#pragma once
#include "io/toml.hpp"

#include <string>
#include <vector>

namespace moesaic::model {

/// How unevenly the router of a published model loads its experts.
struct RoutingPreset {
    std::string name;
    double gini = 0; ///< coefficient of tokens per expert, see GiniLoad
    std::string note;
    std::string source;
};

/// Reads tables [preset.NAME] with gini, source and note (which may be left out): scenarios/routing_presets.toml.
[[nodiscard]] std::vector<RoutingPreset> read_routing_presets(io::TomlTable const& table);

} // namespace moesaic::model
