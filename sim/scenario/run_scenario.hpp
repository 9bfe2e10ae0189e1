#pragma once
#include "economics/token_cost.hpp"
#include "engine/event_loop.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"
#include "timing/timings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::scenario {

struct RunOptions {
    std::vector<std::string> timings; ///< further tables or folders of them
    bool timings_alone = false;       ///< without the shipped grids
    bool keep_events = false;
    bool calibrated = true;       ///< with the constants of platforms/calibration.toml
    std::string calibration_file; ///< another file of constants instead; empty = the shipped one
    engine::Sharing sharing = engine::Sharing::simulated;
    bool beyond_memory = false; ///< simulate what does not fit all the same: a published run did fit
};

/// Kernel timings: the shipped grids of platforms/timings/ unless they are to be left out, then the scenario's, then the
/// caller's.
[[nodiscard]] timing::Timings load_timings(Scenario const& scenario, std::string const& data_folder,
                                           std::vector<std::string> const& further, bool shipped = true);

/// The shipped constants, or those of the file; of parallel::no_constants the shipped model errors alone.
[[nodiscard]] parallel::Calibration load_calibration(std::string const& data_folder,
                                                     std::string const& file = {});

/// In what the cost of the scenario's chips is counted; none without a price book.
[[nodiscard]] std::optional<economics::CostTerms> cost_terms_of(Scenario const& scenario, Facts const& facts);

/// Reads what a run of the scenario asks for by id, so that processes forked from this one need not. All but hosting and price
/// books are then in memory.
void load_facts(Scenario const& scenario, Facts const& facts);

[[nodiscard]] hardware::Topology topology_of(Scenario const& scenario);

/// "1024 chips, tp 1, pp 8, ep 8, dp 128, 70 x 1 sequences, 1f1b, recompute full, bf16"; kinds joined by " + ".
[[nodiscard]] std::string plan_text(parallel::Plan const& plan);
/// "1024: tp1 pp8 ep8 dp128 m70", the numbers of unlike kinds joined by "+".
[[nodiscard]] std::string short_plan_text(parallel::Plan const& plan);

/// Checks the memory, builds the program and simulates one step. At most once per process (SimGrid's clock is global).
/// @throws InputError where the scenario cannot be priced; what does not fit is told in Run::misfit instead
[[nodiscard]] results::Run run_scenario(Scenario const& scenario, Facts const& facts,
                                        RunOptions const& options);
/// With timings that are loaded already.
[[nodiscard]] results::Run run_scenario(Scenario const& scenario, timing::Timings const& timings,
                                        Facts const& facts, RunOptions const& options);

} // namespace moesaic::scenario
