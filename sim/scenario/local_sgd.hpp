#pragma once
#include "engine/simulate.hpp"
#include "parallel/build_program.hpp"
#include "results/run.hpp"

/// Workers that meet every so many steps, see parallel::LocalSgd.
namespace moesaic::scenario {

/// Simulates a step with a meeting in a process of its own. Before this process simulates anything.
/// @param job with [parallel.local_sgd]
[[nodiscard]] Seconds step_with_meeting(parallel::Job const& job, engine::SimulationOptions const& how);

/// Makes `timeline` that of the mean step:
///     t + (t' - t) / every,   t a step without and t' one with a meeting.
/// Workers that meet after a time make as many steps as they can until then: with b_k sequences in t_k seconds each, t is
/// B / sum of b_k/t_k instead of the slowest one's.
/// @param with of step_with_meeting()   @param timeline of `program`, a step without a meeting
[[nodiscard]] results::Meetings add_meetings(parallel::Job const& job, parallel::Program const& program,
                                             Seconds with, engine::Timeline& timeline);

} // namespace moesaic::scenario
