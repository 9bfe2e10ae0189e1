#pragma once
#include "results/reproduction.hpp"

#include <string>
#include <vector>

namespace moesaic::results {

/// HDF5: /records (one row per published run, also those that could not be simulated: then zeros and `problem`) and
/// /groups (accuracy_by_group).
void write_reproduction(std::string const& path, std::vector<Reproduced> const& runs,
                        std::string const& version);

} // namespace moesaic::results
