#include "planner/mixes.hpp"

#include <algorithm>

namespace moesaic::planner {

std::vector<parallel::Schedule> mix_schedules(Degrees const& degrees) {
    std::vector<parallel::Schedule> out;
    std::ranges::copy_if(degrees.schedules, std::back_inserter(out), [](auto const& s) {
        return std::holds_alternative<parallel::OneFOneB>(s) ||
               std::holds_alternative<parallel::ZeroBubbleH1>(s);
    });
    return out;
}

std::vector<std::vector<int>> pool_sets(std::size_t pools) {
    std::vector<std::vector<int>> out;
    for (unsigned bits = 1; bits < (1U << pools); ++bits) {
        std::vector<int> set;
        for (int pool = 0; pool < static_cast<int>(pools); ++pool) {
            if ((bits >> static_cast<unsigned>(pool)) & 1U) {
                set.push_back(pool);
            }
        }
        if (set.size() > 1) {
            out.push_back(std::move(set));
        }
    }
    return out;
}

double longest_of_interest(Collector const& to, double best) {
    double const margin = best * mix_margin;
    double const deadline = to.limits().seconds;
    return deadline > 0.0 ? std::min(margin, deadline) : margin;
}

} // namespace moesaic::planner
