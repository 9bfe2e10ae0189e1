#pragma once
#include "results/run.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::results {

/// A figure that somebody printed about this very run.
struct PublishedFigure {
    std::string metric; ///< as in the run file: "step_time", "mfu", "cost_per_trillion_tokens"
    double value = 0.0;
    std::string unit;
    std::string source;
};

/// What a run came from, so that its file can be made again.
struct RunOrigin {
    std::string file;
    std::string text;                   ///< the scenario as read
    std::vector<std::string> overrides; ///< "parallel.tensor=2"
    std::vector<std::string> assumptions;
    std::vector<std::string> timings; ///< tables beside the shipped ones
    std::string calibration;          ///< file of constants; empty = the shipped one
    std::string software;             ///< named by the scenario; empty = none
    bool software_known = false;      ///< it is what ran, and not what stands for it
    std::uint64_t seed = 1;
    std::string version; ///< of the program
    std::vector<PublishedFigure> published;
};

/// Writes a run as HDF5: groups scenario, memory, network, and where it fits step, evidence, cost, training, spending, and timeline if events were
/// kept; published where there are such figures. Every dataset says its unit and what it is. The same run gives the
/// same bytes: wall-clock times are left out.
/// @throws InputError where the file cannot be written; an old one then stays
void write_run_file(std::string const& path, Run const& run, RunOrigin const& origin);

} // namespace moesaic::results
