#pragma once
#include "engine/compiled.hpp"
#include "engine/run_log.hpp"

namespace moesaic::engine {

/// Walks back from the last end over what released what, and sums up by label, key and evidence.
/// Fills path, path_keys and path_by_evidence.
void report_critical_path(RunLog const& log, parallel::Program const& program,
                          CompiledProgram const& compiled, Transfers const& transfers, Timeline& timeline);

/// Every operation with its time; kernels that ran as one unit follow each other in it.
[[nodiscard]] std::vector<Event> events_of(RunLog const& log, parallel::Program const& program,
                                           CompiledProgram const& compiled);

} // namespace moesaic::engine
