#pragma once
#include "io/toml.hpp"
#include "parallel/plan.hpp"

#include <string>

namespace moesaic::parallel {

/// Training software of one time: what it does where a plan does not say. A file of scenarios/software/.
struct Software {
    std::string id;
    std::string name;
    std::string source;
    Plan defaults; ///< kinds, schedule and sharding are of no meaning
};

/// @throws InputError for unknown keys, and a missing source
[[nodiscard]] Software read_software(io::TomlTable const& table);

} // namespace moesaic::parallel
