#include "parallel/share_experts.hpp"

#include "base/errors.hpp"

#include <algorithm>

namespace moesaic::parallel {

namespace {

/// Of a place, by experts of a rank; none where they cannot be.
using Costs = std::vector<std::optional<double>>;
/// Ranks of each place, and what numbers of experts on them cost.
struct Places {
    std::vector<int> const& ranks;
    std::vector<Costs> costs;
};
/// Of the places from one on, by experts that are left to them.
using Least = std::vector<Costs>;

/// The first place may have none, the others have one at least.
int fewest(std::size_t place) { return place == 0 ? 0 : 1; }

/// Of so many experts on each rank of the place, and the best of the places behind; none where that cannot be.
template <class Join>
std::optional<double> cost_with(Places const& places, Least const& least, std::size_t place, int n, int left,
                                Join join) {
    auto const& here = places.costs[place][static_cast<std::size_t>(n)];
    auto const& behind = least[place + 1][static_cast<std::size_t>(left - n * places.ranks[place])];
    return here && behind ? std::optional{join(*here, *behind)} : std::nullopt;
}

/// A rank need not be busier with more experts, so that every number is looked at.
template <class Join>
Least least_of(Places const& places, int experts, Join join) {
    auto const& ranks = places.ranks;
    auto const row = static_cast<std::size_t>(experts) + 1;
    Least out(ranks.size() + 1, Costs(row));
    out.back().front() = 0.0;
    for (auto place = ranks.size(); place-- > 0;) {
        for (int left = 0; left <= experts; ++left) {
            auto& best = out[place][static_cast<std::size_t>(left)];
            for (int n = fewest(place); n * ranks[place] <= left; ++n) {
                auto const cost = cost_with(places, out, place, n, left, join);
                best = cost && (!best || *cost < *best) ? cost : best;
            }
        }
    }
    return out;
}

/// The first numbers that have the least cost.
template <class Join>
std::vector<int> numbers_of(Places const& places, Least const& least, Join join) {
    auto const& ranks = places.ranks;
    std::vector<int> out;
    auto left = static_cast<int>(least.front().size()) - 1;
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        int n = fewest(place);
        while (cost_with(places, least, place, n, left, join) !=
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
    Places places{ranks, std::vector<Costs>(ranks.size())};
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        auto& seconds = places.costs[place];
        seconds.resize(static_cast<std::size_t>(fewest(place)));
        for (int n = fewest(place); n * ranks[place] <= experts; ++n) {
            auto const time = busy(place, n);
            seconds.push_back(time ? std::optional{time->value()} : std::nullopt);
        }
    }
    auto const longer = [](double a, double b) { return std::max(a, b); };
    auto const busiest = least_of(places, experts, longer).front().back();
    if (!busiest) {
        return std::nullopt;
    }
    // where one place is the busiest whatever the others have, these are still as even as can be: squares of the seconds
    for (std::size_t place = 0; place < ranks.size(); ++place) {
        for (auto& cost : places.costs[place]) {
            cost = cost && *cost <= *busiest ? std::optional{ranks[place] * *cost * *cost} : std::nullopt;
        }
    }
    auto const sum = [](double a, double b) { return a + b; };
    return numbers_of(places, least_of(places, experts, sum), sum);
}

} // namespace moesaic::parallel
