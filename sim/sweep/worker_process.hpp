#pragma once
#include "sweep/worker_pool.hpp"

#include <optional>
#include <string>

namespace moesaic::sweep {

/// What a worker process is given.
struct WorkerOrders {
    RunPoint const& run;
    PointLimits limits;
    pid_t parent; ///< it does not outlive
    int answer;   ///< where to write
};

/// The life of a worker process: it lets go of all that its parent has open, takes its limits, runs the point, answers
/// and ends.
[[noreturn]] void be_worker(WorkerOrders const& orders, Point const& point);

struct WorkerAnswer {
    PointResult result;
    std::string consulted;
};
/// What a worker wrote; none where it ended before it had answered.
[[nodiscard]] std::optional<WorkerAnswer> answer_of(std::string const& said);

} // namespace moesaic::sweep
