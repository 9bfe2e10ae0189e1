#pragma once
#include "scenario/run_scenario.hpp"
#include "timing/coverage.hpp"

#include <string>
#include <vector>

namespace moesaic::scenario {

/// A kernel of a training step on one kind of chip.
struct CoverageLine {
    std::string chip;
    std::string chip_timing_name; ///< as tables name it
    std::string operation;        ///< "grouped_gemm expert_up", the first role that asks for it
    model::Pass pass = model::Pass::forward;
    timing::KernelEvidence evidence;
    std::int64_t times = 0; ///< in a step, on all chips of the kind
    double share = 0;       ///< of the time of all chips in a step
};

/// Kernels of the experts where the router's load is uneven: a step waits for the rank with most rows.
struct ExpertTime {
    double most_loaded = 0; ///< share of the time of all chips, as simulated
    double mean = 0;        ///< the same if every rank had the mean of the rows
};

/// An exchange on the critical path.
struct ExchangeLine {
    std::string key; ///< "all_to_all deepseek_h800 node"
    timing::Evidence evidence = timing::Evidence::analytic;
    double sigma = 0;
    double share = 0; ///< of the critical path
};

struct Coverage {
    std::string scenario;
    Seconds step;
    std::vector<CoverageLine> kernels; ///< the greatest share first
    std::vector<ExchangeLine> exchanges;
    ExpertTime experts;
};

/// Simulates a step and says what the time of each of its kernels rests on. At most once per process.
/// @param calibration file of constants; empty = the shipped one
/// @throws InputError where the scenario cannot be priced
[[nodiscard]] Coverage coverage_of(Scenario const& scenario, timing::Timings const& timings,
                                   Facts const& facts, std::string const& calibration);

} // namespace moesaic::scenario
