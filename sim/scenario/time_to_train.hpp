#pragma once
#include "engine/timeline.hpp"
#include "parallel/build_program.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"

#include <map>
#include <string>

/// From one simulated step to the whole training and its price.
namespace moesaic::scenario {

/// Steps of all batch sizes, failures and checkpoints. A step with a smaller batch takes the simulated one's time times
/// the ratio of their lower bounds (engine/step_bound.hpp): the same kernels on the same pipeline, fewer micro-batches.
/// @param job with the full batch, split among its replicas, and its simulated program
[[nodiscard]] results::TrainingTime time_to_train(Scenario const& scenario, parallel::Job const& job,
                                                  parallel::Program const& program,
                                                  engine::Timeline const& timeline);

/// @param scenario with [economics]
/// @throws InputError where a price, a power or an exchange rate is not known
[[nodiscard]] results::Spending spending_of(Scenario const& scenario, results::TrainingTime const& training,
                                            Facts const& facts);

/// What an hour of one chip that computes all the time costs (use, rent and power), by chip.
/// @param scenario with [economics]
[[nodiscard]] std::map<std::string, Money> hourly_costs(Scenario const& scenario, Facts const& facts);

} // namespace moesaic::scenario
