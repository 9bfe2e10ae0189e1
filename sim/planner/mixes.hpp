#pragma once
#include "planner/combine.hpp"
#include "planner/space.hpp"

#include <cmath>
#include <functional>
#include <vector>

namespace moesaic::planner {

/// Combinations beyond this share over the best one of a group are not looked at one by one.
constexpr double mix_margin = 1.3;
constexpr std::int64_t most_combinations = 200'000; ///< of one group
/// A step is hardly longer than so many times its bound.
constexpr double bound_margin = 1.25;

/// Schedules that plans with stages of one replica on several pools are tried with: 1F1B and ZB-H1.
[[nodiscard]] std::vector<parallel::Schedule> stage_mix_schedules(Degrees const& degrees);
/// Of whole replicas on each pool: DualPipe and DualPipeV too.
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

/// Choices of several pools, a list for each, whose combinations are looked at together.
struct Lists {
    std::vector<std::vector<Share>> shares;
    double rate = 0.0;  ///< where the bill of a step is limited: no combination costs less per second
    double least = 0.0; ///< there: time
    /// Less is better, at both time and bill.
    [[nodiscard]] double rank() const { return least * std::sqrt(rate); }
};
/// Chips that a choice of a pool uses.
using ChipsOf = std::function<int(std::size_t list, Share const&)>;

/// The lists as they are, or cut so that few combinations break the limit on money, the bill of a step or chips: none that
/// keeps to it is lost. The bill of a step is its time times what all chips cost per second: lists are cut into bands of
/// half an octave of that, and sets of them whose least time costs too much are out; those that are good at both time and
/// bill come first. Nothing is cut where not even the dearest choices cost too much for as long as is of interest.
/// @param pools of each list
/// @param best time of all groups, limits aside
[[nodiscard]] std::vector<Lists> within_limits(Space const& space, std::vector<int> const& pools,
                                               std::vector<std::vector<Share>> const& lists,
                                               ChipsOf const& chips, double best);
/// The least time that a combination of any takes.
[[nodiscard]] double least_time_together(double batch, std::vector<Lists> const& sets);

/// The longest step of a set that is of interest. @param best what all sets can do at best
[[nodiscard]] double longest_of_interest(Space const& space, Lists const& set, double best);

/// How many combinations of each set are looked at. Sets that a bill made share what a group may have, also those of several
/// groups: what the first do not need is left to those behind.
class CombinationsOfSets {
  public:
    explicit CombinationsOfSets(std::size_t sets) : sets_{static_cast<std::int64_t>(sets)} {}
    [[nodiscard]] std::int64_t of(Lists const& set) const;
    void done(Lists const& set, std::int64_t visited);

  private:
    std::int64_t sets_; ///< left
    std::int64_t left_ = most_combinations;
};

} // namespace moesaic::planner
