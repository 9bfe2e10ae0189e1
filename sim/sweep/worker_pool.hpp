#pragma once
#include "base/units.hpp"
#include "sweep/points.hpp"
#include "sweep/record.hpp"

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace moesaic::sweep {

/// The metrics of a point, and which of what it was given they rest on, in the words of who ran it (without tabs and line
/// ends).
struct PointAnswer {
    PointAnswer(std::vector<Cell> its_cells, std::string what_it_consulted = {})
        : cells{std::move(its_cells)}, consulted{std::move(what_it_consulted)} {}
    std::vector<Cell> cells;
    std::string consulted;
};

/// Called in a process of its own, a copy of this one, at most once there.
/// @throws InputError for a scenario that cannot be
using RunPoint = std::function<PointAnswer(Point const&)>;

/// What a point may take; what takes more has failed.
struct PointLimits {
    Seconds time{600.0};
    Bytes memory{0.0}; ///< on top of what this process has; 0 = no limit
};

/// Runs points in processes of their own, at most so many at a time. Whatever a point does, an exception, a crash, an
/// endless loop, becomes a Failure. A process that somebody else kills is started again, four times.
class WorkerPool {
  public:
    struct Finished {
        Point point;
        PointResult result;
        std::string consulted; ///< empty for a failure
    };

    WorkerPool(RunPoint run, int workers, PointLimits limits);
    ~WorkerPool(); ///< kills what runs
    WorkerPool(WorkerPool const&) = delete;
    WorkerPool& operator=(WorkerPool const&) = delete;

    [[nodiscard]] bool has_room() const { return children_.size() < workers_; }
    [[nodiscard]] bool is_idle() const { return children_.empty(); }
    /// @throws BugError without room
    void start(Point point);
    /// Waits for a point to finish. none after `patience`, or when a signal came in.
    [[nodiscard]] std::optional<Finished> wait(std::chrono::milliseconds patience);

  private:
    using Clock = std::chrono::steady_clock;
    struct Child {
        pid_t pid = 0;
        int pipe = -1;
        Point point;
        int attempts = 1;
        Clock::time_point deadline;
        bool late = false; ///< killed for its time
        std::string said;
    };
    void launch(Child& child);
    /// @return true when the child has ended
    bool listen(Child& child);
    [[nodiscard]] std::optional<Finished> end_of(Child& child);
    [[nodiscard]] std::optional<PointResult> failure_of(Child& child, int status);
    void kill_late();
    [[nodiscard]] int poll_time(Clock::time_point until) const;
    RunPoint run_;
    std::size_t workers_;
    PointLimits limits_;
    std::list<Child> children_;
};

} // namespace moesaic::sweep
