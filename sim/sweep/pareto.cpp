#include "sweep/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace moesaic::sweep {

namespace {

bool beats(std::vector<double> const& a, std::vector<double> const& b) {
    bool lower = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] > b[i]) {
            return false;
        }
        lower = lower || a[i] < b[i];
    }
    return lower;
}

} // namespace

/// In this order nobody is beaten by one after it, so the front so far decides.
std::vector<std::size_t> find_pareto_front(std::vector<std::vector<double>> const& candidates) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (std::ranges::none_of(candidates[i], [](double value) { return std::isnan(value); })) {
            order.push_back(i);
        }
    }
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return std::tie(candidates[a], a) < std::tie(candidates[b], b);
    });
    std::vector<std::size_t> front;
    for (auto const i : order) {
        if (std::ranges::none_of(front,
                                 [&](auto other) { return beats(candidates[other], candidates[i]); })) {
            front.push_back(i);
        }
    }
    return front;
}

} // namespace moesaic::sweep
