#pragma once
#include "planner/longest_paths.hpp"
#include "planner/refine.hpp"
#include "planner/search.hpp"

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace moesaic::planner {

/// A candidate on its way through the levels.
struct Entry {
    Bounded bounded;
    std::size_t lane = 0; ///< see Lanes
    std::vector<int> chips;
    std::optional<Refined> refined;
    std::optional<double> path;
    std::optional<Simulated> simulated;
    bool dropped = false;

    /// The best that is known of it.
    [[nodiscard]] double seconds() const {
        return simulated ? simulated->seconds : path ? *path : refined ? refined->seconds : bounded.seconds;
    }
};

/// What an entry waits for.
enum class Level { settle, path, simulate };
constexpr std::size_t levels = 3;

/// What was looked at of a lane, or may be.
struct Work {
    double refined = 0.0, turns = 0.0, simulated = 0.0;
};

/// By how much a level was above the one before, on average.
class Distance {
  public:
    void add(double above, double below) {
        sum_ += above / below;
        ++count_;
    }
    [[nodiscard]] double mean() const { return count_ > 0 ? sum_ / count_ : 1.0; }

  private:
    double sum_ = 0.0;
    int count_ = 0;
};

/// Plans that differ in nothing but how much is shared out.
using Siblings = std::pair<std::vector<KindChoice>, std::string>;

/// The entries of a search, and the levels that bring them nearer to what a simulation says.
class Levels {
  public:
    Levels(Problem const& problem, Request const& request, LayerTimes& times, Counts& counts)
        : problem_{problem}, request_{request}, times_{times}, counts_{counts},
          paths_{problem, request.workers} {}

    [[nodiscard]] std::vector<Entry> const& entries() const { return entries_; }
    [[nodiscard]] std::size_t entry_of(Bounded const& bounded);
    /// The level next to an entry.
    [[nodiscard]] Level next_of(Entry const& entry) const;
    /// Counts an entry that waits for the level: what it takes, as far as that is known before.
    void count(Level level, Entry const& entry);
    void look_closer(Level level, std::vector<std::size_t> const& entries);
    /// Whether a simulation will keep to the limits, if it is as far above what is known of the plan as others of its lane
    /// were on average; with less trust in that, nearer.
    [[nodiscard]] bool is_likely(Entry const& entry, double trust) const;

    [[nodiscard]] Work const& done(std::size_t lane) const { return done_[lane]; }
    [[nodiscard]] std::int64_t refined() const { return refined_; }
    [[nodiscard]] std::int64_t dominated() const { return dominated_; }
    [[nodiscard]] std::int64_t programs() const { return programs_; }
    [[nodiscard]] std::int64_t simulated() const { return simulated_; }

  private:
    void settle(std::vector<std::size_t> const& entries);
    void accept(Entry& entry, std::optional<Refined> refined);
    void find_paths(std::vector<std::size_t> const& entries);
    void simulate(std::vector<std::size_t> const& entries);
    void refuse(Entry& entry);
    void tell(Stage stage, std::int64_t done) const {
        if (request_.progress) {
            request_.progress({stage, done});
        }
    }

    Problem const& problem_;
    Request const& request_;
    LayerTimes& times_;
    Counts& counts_;
    LongestPaths paths_;
    Lanes lanes_{problem_.scenario.pools.size()};
    std::vector<Entry> entries_;
    std::map<std::int64_t, std::size_t> by_number_;
    std::map<Siblings, parallel::Plan> least_shared_;
    std::vector<Work> done_{lanes_.count()};                              ///< by lane
    std::vector<std::array<Distance, levels>> distances_{lanes_.count()}; ///< by lane
    std::int64_t refined_ = 0, dominated_ = 0, programs_ = 0, simulated_ = 0;
};

} // namespace moesaic::planner
