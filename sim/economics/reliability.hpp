#pragma once
#include "base/units.hpp"

#include <cstdint>
#include <optional>

namespace moesaic::economics {

/// How a job of many chips fails and comes back. Failures of single chips (with their share of node and network) come
/// independently at a constant rate, so a job of n chips fails n times as often (Kokolis et al., arXiv 2410.21680).
struct FailureModel {
    double chip_hours_per_failure = 0.0; ///< chips x hours / failures; 0 = no failures
    Seconds detection;                   ///< from the failure until it is noticed
    Seconds restart; ///< from there until training goes on: replace, load the checkpoint, warm up
    /// How long a failed node is away; none = a replacement is always at hand. The job waits while more nodes are away
    /// than it has spare.
    std::optional<Seconds> repair;
    int spare_nodes = 0;
};

/// A node fails for causes of its own (power, host, network) besides those of its chips.
/// @return chip-hours per failure of both together; 0 means that this part never fails
[[nodiscard]] double chip_hours_per_failure(double of_chips, double node_hours_per_failure,
                                            double chips_per_node);

struct CheckpointModel {
    Seconds save;                    ///< training stands still for so long per checkpoint
    std::optional<Seconds> interval; ///< training time between two; none = the best one
};

/// Mean time between failures of a job. Infinite (HUGE_VAL seconds) without failures.
[[nodiscard]] Seconds job_mtbf(FailureModel const& failures, std::int64_t chips);

/// The training time t between two checkpoints for which the expected time below is least (J. T. Daly, "A higher order
/// estimate of the optimum checkpoint interval for restart dumps", Future Generation Computer Systems 22, 2006, eq. 37):
///     t = sqrt(2 d M) (1 + sqrt(d / 2M) / 3 + (d / 2M) / 9) - d  where d < 2M, else t = M;  d = save, M = MTBF
[[nodiscard]] Seconds best_interval(Seconds save, Seconds mtbf);

/// Wall-clock time over undisturbed time by Daly's complete model (2006, equation 13): a segment of interval and save is
/// repeated until it gets through without a failure, each failure costs detection and restart besides.
///     (M e^(R/M) (e^((t + d)/M) - 1)) / t,  M = MTBF, t = interval, d = save, R = detection + restart
/// Failures during the restart begin it anew, as in the model.
[[nodiscard]] double expected_slowdown(FailureModel const& failures, CheckpointModel const& checkpoints,
                                       std::int64_t chips);

/// What playing a run of `useful` seconds would take, on average.
struct ExpectedCourse {
    double failures = 0.0;
    double checkpoints = 0.0;
};
[[nodiscard]] ExpectedCourse expected_course(Seconds useful, FailureModel const& failures,
                                             CheckpointModel const& checkpoints, std::int64_t chips);

/// How a whole run went.
struct RunThrough {
    Seconds wall;
    std::int64_t failures = 0;
    std::int64_t checkpoints = 0;
    Seconds lost; ///< work done again
    Seconds saving;
    Seconds recovering;    ///< detection and restart
    Seconds without_nodes; ///< waiting for repairs
    [[nodiscard]] double goodput(Seconds useful) const { return useful / wall; }
};

/// Of one checkpoint: all weights with the state of their optimizer, once. BLOOM's were 13 bytes per weight (2.3 TB of
/// 176 billion); Adam in mixed precision keeps 2 (bf16) + 4 (fp32) + 2 x 4 (moments).
constexpr double checkpoint_bytes_per_parameter = 14.0;

/// Plays a run that needs `useful` seconds of undisturbed training, failures drawn from the seed (stream "failures").
/// @throws BugError after a hundred million failures: the job makes no progress, as expected_course tells beforehand
[[nodiscard]] RunThrough play_run(Seconds useful, FailureModel const& failures,
                                  CheckpointModel const& checkpoints, std::int64_t chips, std::uint64_t seed);

} // namespace moesaic::economics
