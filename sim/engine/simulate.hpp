#pragma once
#include "engine/event_loop.hpp"
#include "engine/timeline.hpp"
#include "hardware/topology.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

namespace moesaic::engine {

struct SimulationOptions {
    bool keep_events = false; ///< fill Timeline::events
    Sharing sharing = Sharing::simulated;
};

/// Runs the program on the topology: SimGrid advances the time of flows and shares the links, our calendar
/// runs the kernels. Same input, same bits.
/// At most one call per process: SimGrid's clock is global.
/// @throws BugError at the second call, or for a program that cannot end (a message nobody sends)
[[nodiscard]] Timeline simulate(parallel::Program const& program, hardware::Topology const& topology,
                                timing::Timings const& timings, SimulationOptions const& options = {});

} // namespace moesaic::engine
