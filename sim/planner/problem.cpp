#include "planner/problem.hpp"

#include <algorithm>

namespace moesaic::planner {

std::map<int, double> imbalance_of(scenario::Scenario const& s) {
    std::map<int, double> out;
    int const experts = s.model.moe ? s.model.moe->experts : 1;
    double const given = s.plan.kinds.empty() ? 1.0 : s.plan.kinds.front().expert_imbalance;
    for (int ranks = 1; ranks <= experts; ++ranks) {
        if (experts % ranks == 0) {
            out[ranks] = s.routing ? model::rank_imbalance(*s.routing, s.model, ranks, s.seed)
                                   : std::min(given, static_cast<double>(ranks));
        }
    }
    return out;
}

model::Precision precision_on(Problem const& problem, int pool) {
    for (auto const& kind : problem.scenario.plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            if (group.pool == pool) {
                return group.precision;
            }
        }
    }
    return problem.scenario.precision;
}

std::vector<model::Precision> precisions_of(Problem const& problem) {
    std::vector<model::Precision> out;
    for (int pool = 0; pool < static_cast<int>(problem.scenario.pools.size()); ++pool) {
        out.push_back(precision_on(problem, pool));
    }
    return out;
}

} // namespace moesaic::planner
