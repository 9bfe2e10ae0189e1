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
/// Reads what software settles where a plan does not: sequence_parallel, tensor_overlap, context_exchange, …
void read_practice(io::TomlTable const& table, Plan& plan);

} // namespace moesaic::parallel
