#pragma once
#include "planner/candidate.hpp"
#include "planner/layer_times.hpp"

#include <optional>
#include <string>
#include <variant>

namespace moesaic::planner {

/// A candidate with its layers, recomputation and micro-batches settled.
struct Refined {
    parallel::Plan plan;
    double seconds = 0.0; ///< no step of this plan takes less
};

/// Layers and recomputation by best_split(), micro-batches over unlike kinds by share_batch(). Schedules with several
/// chunks per stage: the parts are split by the longest of them, all stages compute the same again, the least that fits.
/// none where nothing fits the memory, or the batch does not divide
[[nodiscard]] std::optional<Refined> refine(Problem const& problem, LayerTimes& times,
                                            Candidate const& candidate);

} // namespace moesaic::planner
