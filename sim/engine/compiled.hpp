#pragma once
#include "engine/block_units.hpp"
#include "engine/folding.hpp"
#include "engine/transfers.hpp"

#include <vector>

namespace moesaic::engine {

struct CompiledBlock {
    std::vector<Unit> units;
    int blocking = 0;          ///< units that the next item waits for
    bool starts_early = false; ///< has units that do not wait for the messages
};

/// A unit as one cell runs it.
struct CellUnit {
    int transfer = -1; ///< of Transfers; -1 for kernels
    int meeting = -1;  ///< of CompiledProgram::parties; -1 where the cell needs no other
};

/// Where a cell's message goes.
struct Delivery {
    int receiver = 0; ///< number of the cell in its class
    int transfer = 0;
};

/// Messages between the same classes, of the same size.
struct MessageRoute {
    std::vector<std::vector<Delivery>> from; ///< per cell of the sending class
    std::vector<int> expected;               ///< deliveries per cell of the receiving class
};

/// A program in the form that runs: blocks as units, collectives and messages as transfers of each cell.
struct CompiledProgram {
    std::vector<std::vector<CompiledBlock>> blocks;             ///< per class, per block
    std::vector<std::vector<std::vector<CellUnit>>> cell_units; ///< per cell, per block, per unit
    std::vector<int> parties;                                   ///< per meeting, how many cells take part
    std::vector<MessageRoute> routes;
    std::vector<int> route_of; ///< per message of the program
};

/// @throws BugError naming the classes for a message that is not sent and received once
[[nodiscard]] CompiledProgram compile(parallel::Program const& program, Folding const& folding,
                                      hardware::Topology const& topology, Transfers& transfers);

} // namespace moesaic::engine
