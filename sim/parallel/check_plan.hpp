#pragma once
#include "parallel/read_plan.hpp"

namespace moesaic::parallel {

// What a plan that was read cannot mean. All throw InputError with the place in the file.

/// The experts' degrees divide the ranks of every stage.
void check_experts(ReplicaKind const& kind);
/// With experts apart, micro-batches that are known divide into turns.
void check_turns(ReplicaKind const& kind);
/// The pools have the chips, the parts of the plan divide its ranks, and attention goes with them.
void check_layout(Plan const& plan, PlanContext const& context);
/// The schedule takes so many micro-batches and what else the plan asks for. Call it with micro-batches settled.
void check_order(Plan const& plan);

} // namespace moesaic::parallel
