#pragma once
#include "planner/problem.hpp"

#include <cstdint>
#include <vector>

namespace moesaic::planner {

/// The longest path through a plan's program, messages included, links shared by nobody (engine::step_bound).
struct LongestPath {
    double seconds = 0.0;
    std::int64_t turns = 0; ///< of stages, in the program
};

/// Finds them on several threads. Each has a topology and pricers of its own, which learn as they are asked and are kept for
/// the next plans.
class LongestPaths {
  public:
    /// @param problem outlives it @param workers as many threads as that
    LongestPaths(Problem const& problem, int workers);
    /// Of each plan, in their order.
    [[nodiscard]] std::vector<LongestPath> of(std::vector<parallel::Plan const*> const& plans);

  private:
    struct Worker {
        hardware::Topology topology;
        parallel::Pricers pricers;
    };
    [[nodiscard]] LongestPath path(parallel::Plan const& plan, Worker& worker) const;

    Problem const& problem_;
    std::vector<Worker> workers_;
};

} // namespace moesaic::planner
