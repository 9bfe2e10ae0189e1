#include "planner/longest_paths.hpp"

#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "engine/step_bound.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace moesaic::planner {

namespace {

LongestPath longest_path(Problem const& problem, parallel::Plan const& plan) {
    auto const program = parallel::build_program(problem.job(plan), problem.pricers);
    LongestPath out{engine::step_bound(program, problem.topology, problem.timings).value(), 0};
    for (auto const& rank_class : program.classes) {
        out.turns += static_cast<std::int64_t>(rank_class.schedule.size());
    }
    return out;
}

/// Every `step`th plan from `first` on, a line each.
std::string text_of_paths(Problem const& problem, std::vector<parallel::Plan const*> const& plans,
                          std::size_t first, std::size_t step) {
    std::string out;
    for (auto i = first; i < plans.size(); i += step) {
        auto const path = longest_path(problem, *plans[i]);
        out += fmt::format("{} {}\n", path.seconds, path.turns);
    }
    return out;
}

} // namespace

std::vector<LongestPath> longest_paths(Problem const& problem,
                                       std::vector<parallel::Plan const*> const& plans, int workers) {
    auto const parts = std::min(plans.size(), static_cast<std::size_t>(std::max(1, workers)));
    std::vector<LongestPath> out(plans.size());
    if (parts < 2) {
        std::ranges::transform(plans, out.begin(),
                               [&](auto const* plan) { return longest_path(problem, *plan); });
        return out;
    }
    std::vector<std::function<std::string()>> jobs;
    for (std::size_t part = 0; part < parts; ++part) {
        jobs.emplace_back([&, part] { return text_of_paths(problem, plans, part, parts); });
    }
    auto const texts = run_isolated(jobs, workers);
    for (std::size_t part = 0; part < parts; ++part) {
        std::istringstream lines{texts[part]};
        for (auto i = part; i < plans.size(); i += parts) {
            lines >> out[i].seconds >> out[i].turns;
        }
        expects(!lines.fail(), "a process tells the path of each of its plans");
    }
    return out;
}

} // namespace moesaic::planner
