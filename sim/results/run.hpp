#pragma once
#include "base/money.hpp"
#include "base/units.hpp"
#include "economics/reliability.hpp"
#include "engine/timeline.hpp"
#include "export_control/acquire.hpp"
#include "hardware/tier_summary.hpp"
#include "hardware/topology.hpp"
#include "parallel/memory.hpp"
#include "parallel/program.hpp"
#include "timing/evidence.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::results {

/// An 80 % interval.
struct Interval {
    Seconds low;
    Seconds high;
};

/// What one simulated step says.
struct Metrics {
    Seconds step;
    Interval step_interval;
    Interval
        timings_interval; ///< of the step, from the uncertainty of the timings alone: what measurements can narrow
    double tokens_per_s = 0.0;
    /// Model FLOP (causal attention counted once, recompute not) over the sum of the bf16 peaks of all chips;
    /// of fp16 where a chip has no bf16.
    double mfu = 0.0;
    double hfu = 0.0; ///< the same with the recomputed work
    std::int64_t chips = 0;
    double chip_hours_per_trillion_tokens = 0.0;
    std::array<double, timing::evidence_levels> time_by_evidence{}; ///< shares of the critical path
};

/// Steps of one batch size.
struct TrainingPhase {
    std::int64_t global_batch = 0;
    double steps = 0.0;
    Seconds step;
};

/// The whole training, not one step of it.
struct TrainingTime {
    std::vector<TrainingPhase> phases; ///< as the batch grows; the last one's step is the simulated one
    Seconds undisturbed;
    std::optional<economics::RunThrough>
        played;                                ///< with failures and checkpoints, where the scenario has them
    std::map<std::string, double> step_errors; ///< of the step, see step_errors()
    std::map<std::string, double> busy_chips;  ///< by chip: how many compute, on average over all its time
    [[nodiscard]] Seconds wall() const { return played ? played->wall : undisturbed; }
};

/// What the training costs, and the chips that it is done with.
struct Spending {
    std::vector<export_control::AcquiredLot> lots;
    economics::Bill bill;
    std::optional<Money> budget; ///< in the bill's currency
    [[nodiscard]] bool over_budget() const {
        return budget && total(bill, economics::Total::outlay) > budget->amount;
    }
};

/// Workers that train on their own and meet every so many steps.
struct Meetings {
    int every = 1;
    std::string method; ///< "diloco", "edit"
    int workers = 1;
    Seconds without; ///< a step
    Seconds with;    ///< a step with a meeting
    Seconds alone;   ///< that the meeting takes with nothing beside it
    Bytes bytes;     ///< that the busiest rank sends for it
    /// Of a meeting, what runs behind kernels.
    [[nodiscard]] double hidden() const {
        return alone.value() > 0.0 ? std::clamp(1.0 - (with - without) / alone, 0.0, 1.0) : 0.0;
    }
};

/// What the chips of a pool find at each distance.
struct PoolNetwork {
    std::string pool;
    std::vector<hardware::TierSummary> tiers;
};

/// One scenario, simulated; or why it was not.
struct Run {
    std::string scenario;
    std::string plan;       ///< "1024 chips, tp 1, pp 8, ep 8, dp 128, 1f1b, recompute full, bf16"
    std::string short_plan; ///< "1024: tp1 pp8 ep8 dp128 m70"
    std::vector<parallel::ClassMemory> memory;
    std::vector<PoolNetwork> networks;
    std::optional<std::string> misfit; ///< what does not fit; then there are no metrics
    std::optional<Metrics> metrics;
    std::optional<Money> cost_per_trillion_tokens; ///< rent, undisturbed; with `spending` its cost
    std::optional<Meetings> meetings; ///< where the plan has local SGD: then the step is the mean one
    std::optional<TrainingTime> training;
    std::optional<Spending> spending; ///< where the scenario has [economics]
    engine::Timeline timeline;
    std::optional<parallel::Program> program; ///< what the events of the timeline refer to; only with them
    Seconds simulation_wall;
};

/// @param model_error standard deviation of ln(step) that the model adds to the timings' own
[[nodiscard]] Metrics metrics_of(parallel::Program const& program, engine::Timeline const& timeline,
                                 hardware::Topology const& topology, double model_error = 0.0);

/// One standard deviation of the step over the step, by kind of timing.
[[nodiscard]] std::map<std::string, double> step_errors(engine::Timeline const& timeline);

/// The spread of the step time as that of a log-normal one: errors of one key ("h100 gemm bf16") go together and add up,
/// those of unlike keys are independent and add in squares. Returned is the relative standard deviation.
[[nodiscard]] double step_sigma(engine::Timeline const& timeline);

/// Of a log-normal value: 80 % lie within sigmas_of_80 standard deviations of its logarithm.
[[nodiscard]] Interval interval_80(Seconds value, double sigma);

} // namespace moesaic::results
