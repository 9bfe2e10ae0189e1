#pragma once
#include "results/run.hpp"
#include "scenario/scenario.hpp"
#include "timing/timings.hpp"

#include <string>
#include <vector>

namespace moesaic::scenario {

struct RunOptions {
    std::vector<std::string> timings; ///< further tables or folders of them
    bool keep_events = false;
};

/// Kernel timings: the shipped grids of platforms/timings/, then the scenario's, then the caller's.
[[nodiscard]] timing::Timings load_timings(Scenario const& scenario, std::string const& data_folder,
                                           std::vector<std::string> const& further);

[[nodiscard]] hardware::Topology topology_of(Scenario const& scenario);

/// "1024 chips, tp 1, pp 8, ep 8, dp 128, 70 x 1 sequences, 1f1b, recompute full, bf16"; kinds joined by " + ".
[[nodiscard]] std::string plan_text(parallel::Plan const& plan);
/// "1024: tp1 pp8 ep8 dp128 m70", the numbers of unlike kinds joined by "+".
[[nodiscard]] std::string short_plan_text(parallel::Plan const& plan);

/// Checks the memory, builds the program and simulates one step. At most once per process (SimGrid's clock is global).
/// @throws InputError where the scenario cannot be priced; what does not fit is told in Run::misfit instead
[[nodiscard]] results::Run run_scenario(Scenario const& scenario, std::string const& data_folder,
                                        RunOptions const& options);
/// The same with timings that are loaded already.
[[nodiscard]] results::Run run_with(Scenario const& scenario, std::string const& data_folder,
                                    timing::Timings const& timings, RunOptions const& options);

} // namespace moesaic::scenario
