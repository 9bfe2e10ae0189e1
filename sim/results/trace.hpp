#pragma once
#include "results/run.hpp"

#include <cstdint>
#include <string>

namespace moesaic::results {

struct TraceSize {
    std::int64_t slices = 0;
    std::int64_t messages = 0;
    std::int64_t counts = 0; ///< of the counters
};

/// Writes the timeline of a run in the trace-event format of Chrome and Perfetto (Google, "Trace Event Format", 2016): a
/// process per rank class (or per simulated rank, where the ranks of a class were told apart), a thread per stream (more
/// where work of one stream overlaps), a complete event per operation, a flow per message between stages, counters of
/// the memory of each process and of the use of each link (a process of its own). Times are whole nanoseconds, so slices
/// of a thread touch but never cross.
/// The run must have been made with events kept.
/// @throws InputError where the file cannot be written; an old one then stays
TraceSize write_trace(std::string const& path, Run const& run);

} // namespace moesaic::results
