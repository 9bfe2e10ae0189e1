#pragma once
#include "engine/compiled.hpp"
#include "engine/run_log.hpp"

#include <functional>

namespace moesaic::engine {

/// A run and what it ran. References outlive it.
struct RunReport {
    RunLog const& log;
    parallel::Program const& program;
    Folding const& folding;
    CompiledProgram const& compiled;
    Transfers const& transfers;
};

/// Walks back from the last end over what released what, and sums up by label, key, evidence and class.
void report_critical_path(RunReport const& run, Timeline& timeline);

/// The split of each class's time, see Timeline::classes.
[[nodiscard]] std::vector<ClassTime> class_times(RunReport const& run);

/// What the links carry, see Timeline::links.
[[nodiscard]] std::vector<LinkLoad> link_loads(RunReport const& run, hardware::Topology const& topology,
                                               bool keep_stretches);

/// Every operation in the order of its start; kernels that ran as one unit follow each other in it.
void for_each_event(RunReport const& run, std::function<void(Event const&)> const& visit);

} // namespace moesaic::engine
