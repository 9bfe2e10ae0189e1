#pragma once
#include "planner/candidate.hpp"
#include "planner/split.hpp"

namespace moesaic::planner {

/// The plan's own practice and one kind of the candidate, layers left open.
[[nodiscard]] parallel::ReplicaKind kind_of(Problem const& problem, KindChoice const& choice);
[[nodiscard]] parallel::Plan plan_of(Problem const& problem, Candidate const& candidate);

/// Memory of the stages of one kind as parallel::memory_of counts it, part by part. For schedules with one chunk per
/// stage. @param micro_batches of the kind
[[nodiscard]] std::vector<PartBytes> bytes_of_stages(Problem const& problem, Candidate const& candidate,
                                                     std::size_t kind, LayerTimes const& times,
                                                     int micro_batches);

} // namespace moesaic::planner
