#pragma once
#include "planner/candidate.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

namespace moesaic::planner {

/// What is to be small: seconds of a step x rate^power, where the rate of a plan is the sum over its chips. Power 0: the
/// time; 1: time x rate (money, energy); between: what is good at both.
struct Objective {
    std::vector<double> rate_per_chip; ///< by pool, per second
    double power = 0.0;
    [[nodiscard]] double factor(std::vector<int> const& chips_by_pool) const;
    friend bool operator==(Objective const&, Objective const&) = default;
};

/// Money that goes out until the training ends: chips beyond those that are there are bought, and all that are used take power.
/// Pools share it.
struct Outlay {
    double money = 0.0;          ///< that there is
    std::vector<double> owned;   ///< chips of each pool that are there
    std::vector<double> price;   ///< of each chip beyond them
    std::vector<double> running; ///< of a chip for the whole training, per second that a step takes
    /// For so many chips of the pool.
    [[nodiscard]] double purchase(std::size_t pool, double chips) const;
    [[nodiscard]] double of(double step_seconds, std::vector<int> const& chips_by_pool) const;
};

/// What a plan must keep to.
struct Limits {
    int chips = 0;                     ///< most of all pools together; 0 = as many as there are
    double seconds = 0.0;              ///< most of a step; 0 = any
    double cost = 0.0;                 ///< most seconds x rate; 0 = any
    std::vector<double> rate_per_chip; ///< that the cost counts with, by pool
    std::optional<Outlay> outlay = std::nullopt;
    /// Whether the time that a plan takes may break any.
    [[nodiscard]] bool depend_on_time() const { return seconds > 0.0 || cost > 0.0 || outlay; }
    [[nodiscard]] bool allow_chips(std::vector<int> const& chips_by_pool) const;
    /// With the bound of a plan: no plan that is refused could keep to them.
    [[nodiscard]] bool allow(double seconds, std::vector<int> const& chips_by_pool) const;
};

/// A plan with what is known of it from the closed form.
struct Bounded {
    Candidate candidate;
    double seconds = 0.0;
    std::int64_t number = 0; ///< in the order of the search: breaks ties
};

struct Counts {
    std::int64_t considered = 0;
    std::int64_t unfit = 0; ///< more memory than there is
    std::int64_t over_limits = 0;
    std::int64_t slower = 0; ///< dropped by their bound
};

/// Keeps the plans of each lane with the least bounds for each objective, and knows the least one that it dropped.
class Collector {
  public:
    Collector(std::vector<Objective> objectives, Limits limits, std::size_t capacity);

    /// What is offered from now on is of the lane, see Lanes.
    void begin(std::size_t lane);
    /// @param make called for those that are kept only
    void offer(double seconds, std::vector<int> const& chips_by_pool, std::function<Candidate()> const& make);
    /// Plans of a group all of which break a limit.
    void refuse(std::int64_t plans);
    /// Plans of a group none of which takes less; of other objectives than the time nothing is known.
    /// @param least_rate that one of them costs per second, as the limit on that counts it; 0 = unknown
    void drop(std::int64_t plans, double least_seconds, double least_rate = 0.0);

    [[nodiscard]] Limits const& limits() const { return limits_; }
    [[nodiscard]] Objective const& objective(std::size_t at) const { return objectives_[at]; }
    [[nodiscard]] Counts& counts() { return counts_; }
    [[nodiscard]] std::size_t lanes() const { return heaps_.size(); }
    /// Ascending by the objective's bound.
    [[nodiscard]] std::vector<Bounded> best(std::size_t objective, std::size_t lane) const;
    /// Of the objective, over all plans of the lane that are not among best().
    [[nodiscard]] double least_dropped(std::size_t objective, std::size_t lane) const {
        return heaps_[lane][objective].dropped;
    }

  private:
    struct Entry {
        double value = 0.0;
        Bounded bounded;
    };
    struct Heap {
        std::vector<Entry> entries; ///< greatest first
        double dropped = std::numeric_limits<double>::infinity();
    };
    void keep(Heap& heap, Entry entry);

    std::vector<Objective> objectives_;
    Limits limits_;
    std::size_t capacity_;
    std::vector<std::vector<Heap>> heaps_; ///< by lane, then objective
    std::size_t lane_ = 0;
    Counts counts_;
    std::int64_t number_ = 0;
};

} // namespace moesaic::planner
