#pragma once
#include "planner/collector.hpp"
#include "planner/problem.hpp"

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::planner {

/// What one simulation says of a plan.
struct Simulated {
    double seconds = 0.0;
    std::string bound_by; ///< "compute 71 %, experts 14 %, waiting 10 %"
};
/// Simulates plans that fit, each in a process of its own, in their order.
using Simulate = std::function<std::vector<Simulated>(std::vector<parallel::Plan> const&)>;

enum class Stage { space, layers, programs, simulations };
struct Progress {
    Stage stage = Stage::space;
    std::int64_t done = 0;
};

/// How far a search goes. Each pool alone may take as much, as if there were no other; of mixes, whole replicas and stages
/// half of it each.
struct Effort {
    std::int64_t refined = 1200; ///< plans with their layers settled
    std::int64_t turns = 80'000; ///< of stages, in the programs built for the longest path
    int simulations = 12;
    bool exhaustive = false; ///< everything that fits is simulated
};

struct Request {
    Objective objective;
    std::optional<Objective> second; ///< looked for as well, with as much effort again
    Objective cost;                  ///< of the Pareto front's second axis, power 1
    Limits limits;
    int top = 5;
    Effort effort;
    Simulate simulate;
    int workers = 1; ///< threads and processes at a time; the answer is the same with any number
    std::function<void(Progress const&)> progress;
};

/// A plan that was simulated.
struct Planned {
    parallel::Plan plan;
    std::vector<int> chips; ///< by pool
    double seconds = 0.0;
    double bound = 0.0; ///< the closed form's, with its layers
    double path = 0.0;  ///< longest path without contention
    double value = 0.0; ///< of the objective that it is ranked by
    std::string bound_by;
};

struct Outcome {
    Counts counts;
    std::int64_t refined = 0;   ///< with their layers settled
    std::int64_t dominated = 0; ///< shared out more for nothing
    std::int64_t programs = 0;
    std::int64_t simulated = 0;
    std::vector<Planned> best; ///< by the objective
    std::vector<Planned> best_by_second;
    std::vector<Planned> front; ///< simulated plans than which none is both faster and cheaper, fastest first
    /// No plan that was not simulated is better than this value of the objective.
    double rest_at_least = 0.0;
    /// No plan is left that could keep to the limits, beside those that were simulated.
    [[nodiscard]] bool exhausted() const { return rest_at_least == std::numeric_limits<double>::infinity(); }
    /// The best plan is better than any other of the space could be.
    [[nodiscard]] bool proven() const { return !best.empty() && best.front().value <= rest_at_least; }
};

/// Best first through three levels, each a bound on the next: closed form, longest path through the program without
/// contention (engine::step_bound), simulation. The plan with the least value known so far is the next to be looked at
/// closer; once it is a simulated one, no other can be better. Each pool alone, whole replicas and stages on several pools
/// are looked at one after the other, as far as they could be better than what is known. Where limits depend on the time,
/// plans that by the bounds' distance so far would break one come after those that would not. Same problem and request,
/// same answer.
/// @throws InputError where the scenario's plan has local SGD
[[nodiscard]] Outcome search(Problem const& problem, Request const& request);

} // namespace moesaic::planner
