#pragma once
#include "sweep/like_failures.hpp"
#include "sweep/runner.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::cli {

/// How a sweep tells how far it is, on stderr.
enum class ProgressKind { none, bar, lines, json };

/// The kind that was asked for: "json", or a bar on a terminal and lines elsewhere.
[[nodiscard]] ProgressKind progress_kind(bool quiet, std::string const& asked);

/// The place of the sweep's goal among the metrics. @throws InputError where it is none of them
[[nodiscard]] std::size_t find_goal(sweep::Sweep const& sweep, std::vector<sweep::Column> const& metrics);

/// Points done, failed, rate, time left and the best so far.
class SweepProgress {
  public:
    struct Best {
        double value = 0.0;
        std::int64_t point = 0;
    };
    struct Counts {
        std::int64_t total = 0, ok = 0, failed = 0, cached = 0, resumed = 0;
        std::int64_t without_goal = 0; ///< of those that are ok: most often plans that do not fit
        [[nodiscard]] std::int64_t done() const { return ok + failed; }
    };

    /// @param goal the place of the sweep's goal among the metrics of a record
    /// @param total points that this process has to see finished
    SweepProgress(sweep::Points const& points, std::size_t goal, std::int64_t total, ProgressKind kind);

    void add(sweep::Record const& record, sweep::Source source);
    /// Shows the state, unless it was shown a moment ago.
    void show();
    /// Shows the last state and gives the line back.
    void end();

    [[nodiscard]] Counts const& counts() const { return counts_; }
    [[nodiscard]] std::optional<Best> const& best() const { return best_; }
    [[nodiscard]] std::vector<sweep::LikeFailures> failures() const { return failures_.by_frequency(); }
    [[nodiscard]] double elapsed_s() const;
    [[nodiscard]] double points_per_minute() const;
    /// "mfu 0.412 at tensor 2, expert 8"; empty as long as there is none.
    [[nodiscard]] std::string best_text() const;

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] std::string line() const;
    [[nodiscard]] std::string json() const;
    void print() const;
    sweep::Points const& points_;
    ProgressKind kind_;
    std::size_t goal_;
    Counts counts_;
    std::optional<Best> best_;
    sweep::FailureGroups failures_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point shown_ = start_;
};

/// "tensor 2, expert 8": the axes of a point.
[[nodiscard]] std::string axes_text(sweep::Points const& points, std::int64_t index);
/// Six significant digits.
[[nodiscard]] std::string cell_text(sweep::Cell const& cell);

} // namespace moesaic::cli
