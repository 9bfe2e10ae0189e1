#include "parallel/share_experts.hpp"

#include "base/errors.hpp"

#include <algorithm>

namespace moesaic::parallel {

namespace {

using Costs =
    std::vector<std::optional<double>>; ///< of a place, by experts of a rank; none where they cannot be
using Least = std::vector<Costs>;       ///< of the places from one on, by experts that are left to them

/// The first place may have none, the others have one at least.
int fewest(std::size_t place) { return place == 0 ? 0 : 1; }

/// Of so many experts on each rank of the place, and the best of the places behind; none where that cannot be.
template <class Join>
std::optional<double> cost_with(std::vector<int> const& ranks, std::vector<Costs> const& costs,
                                Least const& least, std::size_t place, int n, int left, Join join) {
    auto const& here = costs[place][static_cast<std::size_t>(n)];
    auto const& behind = least[place + 1][static_cast<std::size_t>(left - n * ranks[place])];
    return here && behind ? std::optional{join(*here, *behind)} : std::nullopt;
}

/// A rank need not be busier with more experts, so that every number is looked at.
template <class Join>
Least least_of(std::vector<int> const& ranks, int experts, std::vector<Costs> const& costs, Join join) {
    auto const row = static_cast<std::size_t>(experts) + 1;
    Least out(ranks.size() + 1, Costs(row));
    out.back().front() = 0.0;
    for (auto place = ranks.size(); place-- > 0;) {
        for (int left = 0; left <= experts; ++left) {
            auto& best = out[place][static_cast<std::size_t>(left)];
            for (int n = fewest(place); n * ranks[place] <= left; ++n) {
                auto const cost = cost_with(ranks, costs, out, place, n, left, join);
                best = cost && (!best || *cost < *best) ? cost : best;
            }
        }
    }
    return out;
}

/// The first numbers that have the least cost.
template <class Join>
std::vector<int> numbers_of(std::vector<int> const& ranks, std::vector<Costs> const& costs,
                            Least const& least, Join join) {
    std::vector<int> out;
    auto left = static_cast<int>(least.front().size()) - 1;
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        int n = fewest(place);
        while (cost_with(ranks, costs, least, place, n, left, join) !=
               least[place][static_cast<std::size_t>(left)]) {
            ++n;
        }
        left -= n * ranks[place];
        out.push_back(n);
    }
    return out;
}

} // namespace

std::optional<std::vector<int>> share_experts(std::vector<int> const& ranks, int experts,
                                              BusyWith const& busy) {
    expects(!ranks.empty() && std::ranges::all_of(ranks, [](int n) { return n > 0; }), "places have ranks");
    std::vector<Costs> seconds(ranks.size());
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        seconds[place].resize(static_cast<std::size_t>(fewest(place)));
        for (int n = fewest(place); n * ranks[place] <= experts; ++n) {
            auto const time = busy(place, n);
            seconds[place].push_back(time ? std::optional{time->value()} : std::nullopt);
        }
    }
    auto const longer = [](double a, double b) { return std::max(a, b); };
    auto const busiest = least_of(ranks, experts, seconds, longer).front().back();
    if (!busiest) {
        return std::nullopt;
    }
    // where one place is the busiest whatever the others have, these are still as even as can be
    auto squares = seconds;
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        for (auto& cost : squares[place]) {
            cost = cost && *cost <= *busiest ? std::optional{ranks[place] * *cost * *cost} : std::nullopt;
        }
    }
    auto const sum = [](double a, double b) { return a + b; };
    return numbers_of(ranks, squares, least_of(ranks, experts, squares, sum), sum);
}

} // namespace moesaic::parallel
