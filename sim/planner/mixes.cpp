#include "planner/mixes.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

namespace moesaic::planner {

namespace {

bool runs_over_pools(parallel::Schedule const& schedule) {
    return std::holds_alternative<parallel::OneFOneB>(schedule) ||
           std::holds_alternative<parallel::ZeroBubbleH1>(schedule);
}

template <class Wanted>
std::vector<parallel::Schedule> schedules_that(Degrees const& degrees, Wanted const& wanted) {
    std::vector<parallel::Schedule> out;
    std::ranges::copy_if(degrees.schedules, std::back_inserter(out), wanted);
    return out;
}

} // namespace

std::vector<parallel::Schedule> stage_mix_schedules(Degrees const& degrees) {
    return schedules_that(degrees, runs_over_pools);
}

std::vector<parallel::Schedule> replica_mix_schedules(Degrees const& degrees) {
    return schedules_that(
        degrees, [](parallel::Schedule const& s) { return runs_over_pools(s) || parallel::is_dual(s); });
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

namespace {

constexpr int money_bands = 8;

class SharedOut {
  public:
    SharedOut(double money, std::vector<std::vector<Share>> const& lists, Spending const& spending)
        : money_{money}, lists_{lists}, spending_{spending} {}

    std::vector<std::vector<std::vector<Share>>> run() {
        descend(0.0);
        return std::move(out_);
    }

  private:
    /// @param spent at least, by the lists that are cut
    void descend(double spent) {
        auto const at = chosen_.size();
        if (at == lists_.size()) {
            out_.push_back(chosen_);
            return;
        }
        bool const last = at + 1 == lists_.size();
        double const width = money_ / money_bands;
        for (int band = 0; band < (last ? 1 : money_bands); ++band) {
            double const low = last ? 0.0 : band * width, high = last ? money_ : low + width;
            std::vector<Share> within;
            std::ranges::copy_if(lists_[at], std::back_inserter(within), [&](Share const& share) {
                double const cost = spending_(at, share);
                return (cost > low || band == 0) && cost <= high && spent + cost <= money_;
            });
            if (!within.empty()) {
                chosen_.push_back(std::move(within));
                descend(spent + low);
                chosen_.pop_back();
            }
        }
    }

    double money_;
    std::vector<std::vector<Share>> const& lists_;
    Spending const& spending_;
    std::vector<std::vector<Share>> chosen_;
    std::vector<std::vector<std::vector<Share>>> out_;
};

} // namespace

std::vector<std::vector<std::vector<Share>>>
shared_out(double money, std::vector<std::vector<Share>> const& lists, Spending const& spending) {
    return SharedOut{money, lists, spending}.run();
}

namespace {

/// A list cut by half octaves of what a choice costs.
struct Band {
    std::vector<Share> shares;
    double least = 0.0; ///< that one of them costs
    int least_chips = 0;
};

std::vector<Band> bands_of(std::vector<Share> const& list, std::function<double(Share const&)> const& cost,
                           std::function<int(Share const&)> const& chips) {
    std::map<int, Band> out;
    for (auto const& share : list) {
        double const costs = cost(share);
        int const at = costs > 0.0 ? static_cast<int>(std::floor(2.0 * std::log2(costs))) : -10'000;
        auto const [band, is_new] = out.try_emplace(at);
        auto& [shares, least, least_chips] = band->second;
        least = is_new ? costs : std::min(least, costs);
        least_chips = is_new ? chips(share) : std::min(least_chips, chips(share));
        shares.push_back(share);
    }
    std::vector<Band> bands;
    for (auto& [at, band] : out) {
        bands.push_back(std::move(band));
    }
    return bands;
}

/// Sets of bands, one of each list, of which a combination may keep to the bill and the number of chips.
class Billed {
  public:
    /// @param least time of all combinations
    Billed(Limits const& limits, double batch, double least, std::vector<std::vector<Band>> const& bands)
        : limits_{limits}, batch_{batch}, least_{least}, bands_{bands}, rest_(bands.size() + 1, 0.0) {
        for (auto i = bands.size(); i-- > 0;) {
            rest_[i] = rest_[i + 1] + std::ranges::min(bands[i], {}, &Band::least).least;
        }
    }

    std::vector<Lists> run() {
        descend({}, 0);
        std::ranges::stable_sort(out_, {}, &Lists::rank);
        return std::move(out_);
    }

  private:
    void descend(Lists const& chosen, int chips) {
        auto const at = chosen.shares.size();
        if ((limits_.chips > 0 && chips > limits_.chips) ||
            least_ * (chosen.rate + rest_[at]) > limits_.cost) {
            return;
        }
        if (at == bands_.size()) {
            double const least = least_time_together(batch_, chosen.shares);
            if (least * chosen.rate <= limits_.cost) {
                out_.push_back({chosen.shares, chosen.rate, least});
            }
            return;
        }
        for (auto const& band : bands_[at]) {
            auto next = chosen;
            next.shares.push_back(band.shares);
            next.rate += band.least;
            descend(next, chips + band.least_chips);
        }
    }

    Limits const& limits_;
    double batch_, least_;
    std::vector<std::vector<Band>> const& bands_;
    std::vector<double> rest_; ///< that the lists from here on cost at least
    std::vector<Lists> out_;
};

std::vector<Lists> billed(Space const& space, std::vector<int> const& pools,
                          std::vector<std::vector<Share>> const& lists, ChipsOf const& chips) {
    auto const& limits = space.to.limits();
    std::vector<std::vector<Band>> bands;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        double const rate = limits.rate_per_chip[static_cast<std::size_t>(pools[i])];
        bands.push_back(bands_of(
            lists[i], [&](Share const& share) { return rate * chips(i, share); },
            [&](Share const& share) { return chips(i, share); }));
    }
    auto const batch = static_cast<double>(space.problem.scenario.shape.global_batch);
    return Billed{limits, batch, least_time_together(batch, lists), bands}.run();
}

/// Whether a combination may cost too much for as long as is of interest.
bool bill_binds(Limits const& limits, std::vector<int> const& pools,
                std::vector<std::vector<Share>> const& lists, ChipsOf const& chips, double best) {
    if (limits.cost == 0.0) {
        return false;
    }
    double dearest = 0.0;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        int most = 0;
        for (auto const& share : lists[i]) {
            most = std::max(most, chips(i, share));
        }
        dearest += most * limits.rate_per_chip[static_cast<std::size_t>(pools[i])];
    }
    return dearest * best * mix_margin * bound_margin > limits.cost;
}

} // namespace

std::vector<Lists> within_limits(Space const& space, std::vector<int> const& pools,
                                 std::vector<std::vector<Share>> const& lists, ChipsOf const& chips,
                                 double best) {
    auto const& limits = space.to.limits();
    std::vector<Lists> out;
    auto const share_out = [&](double all, Spending const& spending) {
        for (auto& set : shared_out(all, lists, spending)) {
            out.push_back({.shares = std::move(set)});
        }
    };
    if (limits.outlay) {
        share_out(limits.outlay->money, [&](std::size_t list, Share const& share) {
            return limits.outlay->purchase(static_cast<std::size_t>(pools[list]), chips(list, share));
        });
    } else if (bill_binds(limits, pools, lists, chips, best)) {
        out = billed(space, pools, lists, chips);
    } else if (limits.chips > 0) {
        share_out(limits.chips, [&](std::size_t list, Share const& share) { return chips(list, share); });
    } else {
        return {{.shares = lists}};
    }
    auto left = combinations_of(lists);
    for (auto const& set : out) {
        left -= std::min(left, combinations_of(set.shares));
    }
    space.to.refuse(left);
    return out;
}

double least_time_together(double batch, std::vector<Lists> const& sets) {
    double best = std::numeric_limits<double>::infinity();
    for (auto const& set : sets) {
        best = std::min(best, least_time_together(batch, set.shares));
    }
    return best;
}

double longest_of_interest(Space const& space, Lists const& set, double best) {
    auto const& limits = space.to.limits();
    if (set.rate == 0.0) {
        double const margin = best * mix_margin;
        return limits.seconds > 0.0 ? std::min(margin, limits.seconds) : margin;
    }
    // what is cheap enough may be much slower than the best of the others
    auto const batch = static_cast<double>(space.problem.scenario.shape.global_batch);
    double const longest =
        std::min(least_time_together(batch, set.shares) * mix_margin, limits.cost / set.rate);
    return limits.seconds > 0.0 ? std::min(longest, limits.seconds) : longest;
}

std::int64_t CombinationsOfSets::of(Lists const& set) const {
    constexpr std::int64_t least = 1000;
    if (set.rate == 0.0) {
        return most_combinations;
    }
    return std::min(left_, std::max(least, left_ / std::max<std::int64_t>(sets_, 1)));
}

void CombinationsOfSets::done(Lists const& set, std::int64_t visited) {
    --sets_;
    left_ -= set.rate == 0.0 ? 0 : visited;
}

} // namespace moesaic::planner
