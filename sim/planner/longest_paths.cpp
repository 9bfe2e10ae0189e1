#include "planner/longest_paths.hpp"

#include "base/parallel_for.hpp"
#include "engine/step_bound.hpp"
#include "scenario/run_scenario.hpp"

#include <algorithm>
#include <atomic>

namespace moesaic::planner {

LongestPaths::LongestPaths(Problem const& problem, int workers) : problem_{problem} {
    auto const& s = problem.scenario;
    for (int i = 0; i < workers_or_cores(workers); ++i) {
        workers_.push_back({scenario::topology_of(s), parallel::Pricers{problem.timings, s.plan.practice,
                                                                        problem.pricers.calibration()}});
    }
}

LongestPath LongestPaths::path(parallel::Plan const& plan, Worker& worker) const {
    auto const& s = problem_.scenario;
    parallel::Job const job{
        s.model, plan, s.shape, worker.topology, problem_.timings, worker.pricers.calibration()};
    auto const program = parallel::build_program(job, worker.pricers);
    LongestPath out{engine::step_bound(program, worker.topology, problem_.timings).value(), 0};
    for (auto const& rank_class : program.classes) {
        out.turns += static_cast<std::int64_t>(rank_class.schedule.size());
    }
    return out;
}

std::vector<LongestPath> LongestPaths::of(std::vector<parallel::Plan const*> const& plans) {
    std::vector<LongestPath> out(plans.size());
    std::atomic<std::size_t> next{0};
    parallel_for(std::min(workers_.size(), plans.size()), static_cast<int>(workers_.size()),
                 [&](std::size_t worker) {
                     for (auto i = next++; i < plans.size(); i = next++) {
                         out[i] = path(*plans[i], workers_[worker]);
                     }
                 });
    return out;
}

} // namespace moesaic::planner
