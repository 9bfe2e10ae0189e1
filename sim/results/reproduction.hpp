#pragma once
#include "base/units.hpp"
#include "results/run.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::results {

/// A published run beside the simulated one.
struct Reproduced {
    std::string id;
    std::string paper; ///< what one party published with one method; its runs are siblings
    std::string group; ///< of one paper and machine
    std::string
        source; ///< the paper, or the party that submitted to a benchmark: left out as a whole in a check
    std::string vendor;
    std::string chip;
    std::string software;
    bool software_known = true; ///< otherwise it stands for one that nobody described, or none is named
    std::string stack;          ///< software that is calibrated together
    std::string precision;      ///< class of the products' format: "16-bit", "8-bit", "4-bit"
    bool mixture_of_experts = false;
    std::string flag;  ///< what its collector found wrong: listed apart
    std::string doubt; ///< why it may mislead: counted all the same
    std::string peer;  ///< another simulator that predicted it; empty = none
    Seconds peer_predicts;
    Seconds published; ///< step
    Seconds simulated;
    Interval interval;       ///< 80 %
    double model_flop = 0.0; ///< of a step on one chip
    std::array<double, timing::evidence_levels> time_by_evidence{};
    std::map<std::string, double> time_by_kind; ///< kind of operation -> share of the critical path
    std::map<std::string, double>
        stretched; ///< class of kernels' format -> share of the path that a constant of it stretches
    std::string plan;
    std::string misfit;  ///< what does not fit by our count of memory; empty = fits
    std::string problem; ///< why it could not be simulated; then nothing else is known
};

/// ln(simulated / published) of the step time.
[[nodiscard]] double error_of(Reproduced const& run);
[[nodiscard]] bool is_inside(Reproduced const& run); ///< the published step time in the 80 % interval

struct GroupAccuracy {
    std::string group;
    std::size_t records = 0;
    double median = 0.0, mean = 0.0, p90 = 0.0; ///< of |error|
    double bias = 0.0;                          ///< median error; above 0 = simulated too slow
    double coverage = 0.0;                      ///< share inside the 80 % interval
    /// Spearman's, of the step times and of the model FLOP/s per chip; none for fewer than three records.
    std::optional<double> rank_correlation, rate_rank_correlation;
};
/// @param runs simulated ones, at least one
[[nodiscard]] GroupAccuracy accuracy_of(std::string group, std::vector<Reproduced const*> const& runs);
/// Without flagged ones and those that could not be simulated: all; by vendor, chip, kind of model, paper and group.
[[nodiscard]] std::vector<GroupAccuracy> accuracy_by_group(std::vector<Reproduced> const& runs);

/// Spearman's rank correlation; ties share their mean rank.
[[nodiscard]] std::optional<double> rank_correlation(std::vector<double> const& a,
                                                     std::vector<double> const& b);

} // namespace moesaic::results
