#pragma once
#include "planner/problem.hpp"

#include <vector>

namespace moesaic::planner {

/// The values that the search tries, ascending: those of [search], else those of the scenario's own plan (context to
/// replicas) and
///   tensor       powers of two up to a node
///   context      powers of two that leave a rank 4,096 tokens at least
///   expert       divisors of the number of experts
///   pipeline     products of 2, 3 and 5 up to the layers
///   micro_batch  1, 2, 4, 8
///   replicas     products of 2, 3 and 5 (those that divide the batch, where one kind has it all)
///   zero         optimizer, gradients, parameters
///   schedules    1f1b, interleaved x2 and x4, zb-h1, dualpipe; those that can with and without hidden exchanges
///   recompute    none, pointwise (latent attention: up-projections too) and full; without fused attention none,
///                selective and full
struct Degrees {
    std::vector<int> context, expert, pipeline, micro_batch, replicas, zero;
    std::vector<parallel::Schedule> schedules;
    std::vector<parallel::Recompute> recompute;
};
[[nodiscard]] Degrees degrees_of(scenario::Scenario const& scenario);
/// Of all stages of a replica.
struct CommonDegrees {
    int context = 1;
    int expert = 1;
    int micro_batch = 1;
    /// Passes that run as pairs hide an exchange, which one expert rank does not have.
    [[nodiscard]] bool go_with(bool paired) const { return !paired || expert > 1; }
};
/// All combinations that are tried.
[[nodiscard]] std::vector<CommonDegrees> common_degrees(Degrees const& degrees);
[[nodiscard]] std::vector<int> tensor_degrees(Problem const& problem, int pool);

/// Ranks of a stage fill nodes evenly, so that every stage lies in its nodes like the first.
[[nodiscard]] bool fills_nodes(int ranks, int chips_per_node);

} // namespace moesaic::planner
