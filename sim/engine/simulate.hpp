#pragma once
#include "engine/event_loop.hpp"
#include "engine/folding.hpp"
#include "engine/perturbation.hpp"
#include "engine/timeline.hpp"
#include "hardware/topology.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <functional>

namespace moesaic::engine {

struct SimulationOptions {
    bool keep_events = false; ///< fill Timeline::events
    /// Gets every event in the order of its start, after the run; for traces too large to keep.
    std::function<void(Event const&)> on_event;
    Fold fold = Fold::automatic;
    Perturbations perturbations;
    Sharing sharing = Sharing::simulated;
};

/// Runs the program on the topology: SimGrid advances the time of flows and shares the links, our calendar
/// runs the kernels. Same input, same bits.
/// At most one call per process: SimGrid's clock is global. Sharing::none needs no SimGrid and may run any number of
/// times: the longest path through the program without contention, which the simulated time never undercuts.
/// @throws BugError at the second call, or for a program that cannot end (a message nobody sends)
[[nodiscard]] Timeline simulate(parallel::Program const& program, hardware::Topology const& topology,
                                timing::Timings const& timings, SimulationOptions const& options = {});

} // namespace moesaic::engine
