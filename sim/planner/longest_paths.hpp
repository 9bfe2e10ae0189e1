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

/// Of each plan, in their order. With several workers in processes of their own, which start with the prices that the
/// problem's pricers know and keep for themselves what they learn.
[[nodiscard]] std::vector<LongestPath>
longest_paths(Problem const& problem, std::vector<parallel::Plan const*> const& plans, int workers);

} // namespace moesaic::planner
