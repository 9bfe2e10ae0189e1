#pragma once
#include "engine/block_units.hpp"
#include "engine/transfers.hpp"

#include <vector>

namespace moesaic::engine {

struct CompiledBlock {
    std::vector<Unit> units;
    std::vector<int> transfers; ///< per unit: of Transfers, -1 for kernels
    int blocking = 0;           ///< units that the next item waits for
    bool starts_early = false;  ///< has units that do not wait for the messages
};

/// A program in the form that runs: blocks as units, collectives and messages as transfers.
struct CompiledProgram {
    std::vector<std::vector<CompiledBlock>> classes; ///< per class, per block
    std::vector<int> messages;                       ///< per message, its transfer
};

/// @throws BugError naming the class for a schedule whose messages have no sender, no receiver or several
[[nodiscard]] CompiledProgram compile(parallel::Program const& program, Transfers& transfers);

} // namespace moesaic::engine
