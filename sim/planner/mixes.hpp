#pragma once
#include "planner/combine.hpp"
#include "planner/space.hpp"

#include <functional>
#include <vector>

namespace moesaic::planner {

/// Combinations beyond this share over the best one of a group are not looked at one by one.
constexpr double mix_margin = 1.3;
constexpr std::int64_t most_combinations = 200'000; ///< of one group

/// Schedules that plans with stages of one replica on several pools are tried with: 1F1B and ZB-H1.
[[nodiscard]] std::vector<parallel::Schedule> stage_mix_schedules(Degrees const& degrees);
/// Of whole replicas on each pool: DualPipe too. Interleaved parts cannot be listed for each kind of replicas.
[[nodiscard]] std::vector<parallel::Schedule> replica_mix_schedules(Degrees const& degrees);
/// All sets of two pools or more, as bits.
[[nodiscard]] std::vector<std::vector<int>> pool_sets(std::size_t pools);
/// What a choice of a pool has to be bought for.
using Spending = std::function<double(std::size_t list, Share const&)>;
/// The lists, one of each pool, cut into sets whose choices together cost not much more than the money: each pool but the last
/// spends within a band of an eighth of it, the last one what the lower ends of the bands leave. Every combination that the
/// money buys is in one set, and in one alone. One set where nothing costs anything.
[[nodiscard]] std::vector<std::vector<std::vector<Share>>>
shared_out(double money, std::vector<std::vector<Share>> const& lists, Spending const& spending);

/// The lists as they are, or shared_out() where there is money that the pools share.
[[nodiscard]] std::vector<std::vector<std::vector<Share>>>
within_means(Space const& space, std::vector<std::vector<Share>> const& lists, Spending const& spending);

/// The longest step that is of interest, with what a group can do at best.
[[nodiscard]] double longest_of_interest(Collector const& to, double best);

} // namespace moesaic::planner
