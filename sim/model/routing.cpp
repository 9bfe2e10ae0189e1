#include "model/routing.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"

#include <boost/math/distributions/normal.hpp>
#include <boost/random/gamma_distribution.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesaic::model {

namespace {

std::vector<double> over_mean(std::vector<double> loads) {
    double const mean = std::accumulate(loads.begin(), loads.end(), 0.0) / static_cast<double>(loads.size());
    for (auto& load : loads) {
        load /= mean;
    }
    return loads;
}

std::vector<double> zipf(ZipfLoad const& zipf, int experts) {
    std::vector<double> loads;
    for (int i = 1; i <= experts; ++i) {
        loads.push_back(std::pow(i, -zipf.exponent));
    }
    return over_mean(std::move(loads));
}

std::vector<double> dirichlet(DirichletLoad const& dirichlet, int experts, Rng& rng) {
    boost::random::gamma_distribution<double> gamma{dirichlet.concentration, 1.0};
    std::vector<double> loads;
    for (int i = 0; i < experts; ++i) {
        loads.push_back(gamma(rng));
    }
    if (std::ranges::none_of(loads, [](double load) { return std::isnormal(load); })) {
        // all too small for a double: the limit, in which one expert has everything
        loads.assign(loads.size(), 0.0);
        loads[rng.below(loads.size())] = 1.0;
    }
    return over_mean(std::move(loads));
}

/// Quantiles of the log-normal distribution in the middle of equal parts, busiest first.
std::vector<double> log_normal(double width, int experts) {
    boost::math::normal_distribution<double> const normal;
    std::vector<double> loads;
    for (int i = experts; i > 0; --i) {
        loads.push_back(std::exp(width * boost::math::quantile(normal, (i - 0.5) / experts)));
    }
    return over_mean(std::move(loads));
}

std::vector<double> with_gini(double gini, int experts) {
    double narrow = 0.0, wide = 1.0;
    while (gini_of(log_normal(wide, experts)) < gini && wide < 64.0) {
        wide *= 2.0;
    }
    for (int step = 0; step < 60; ++step) { // the coefficient grows with the width
        double const middle = 0.5 * (narrow + wide);
        (gini_of(log_normal(middle, experts)) < gini ? narrow : wide) = middle;
    }
    return log_normal(wide, experts);
}

/// Fisher-Yates with our own draws: std::shuffle differs between libraries.
void shuffle(std::vector<double>& values, Rng& rng) {
    for (std::size_t i = values.size(); i > 1; --i) {
        std::swap(values[i - 1], values[rng.below(i)]);
    }
}

/// Rows of the busiest rank over those that as many experts have at equal loads; ranks hold consecutive experts.
double busiest(std::vector<double> const& loads, std::vector<int> const& experts) {
    double most = 0.0;
    auto from = loads.begin();
    for (int const here : experts) {
        if (here > 0) {
            most = std::max(most, std::accumulate(from, from + here, 0.0) / here);
        }
        from += here;
    }
    return most;
}

} // namespace

double gini_of(std::span<double const> loads) {
    std::vector<double> sorted(loads.begin(), loads.end());
    std::ranges::sort(sorted);
    double const n = static_cast<double>(sorted.size());
    double weighted = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        weighted += (2.0 * static_cast<double>(i + 1) - n - 1.0) * sorted[i];
        sum += sorted[i];
    }
    return sum > 0.0 ? weighted / (n * sum) : 0.0;
}

std::vector<double> expert_loads(ExpertLoad const& load, int layer, int experts, Rng& rng) {
    return std::visit(
        overloaded{[&](BalancedLoad) { return std::vector<double>(static_cast<std::size_t>(experts), 1.0); },
                   [&](ZipfLoad const& l) { return zipf(l, experts); },
                   [&](DirichletLoad const& l) { return dirichlet(l, experts, rng); },
                   [&](GiniLoad const& l) { return with_gini(l.gini, experts); },
                   [&](MeasuredLoad const& l) {
                       return over_mean(l.layers.at(static_cast<std::size_t>(layer) % l.layers.size()));
                   }},
        load);
}

namespace {

/// A token goes to an expert once, so that of its copies none gets more than one in top-k: what would be more goes to the
/// other experts as their loads are.
void at_most_one_per_token(std::vector<double>& loads, int topk) {
    double const all = static_cast<double>(loads.size()), most = all / topk;
    std::vector<bool> full(loads.size(), false);
    auto const fill = [&] {
        bool filled = false;
        for (std::size_t e = 0; e < loads.size(); ++e) {
            if (!full[e] && loads[e] > most) {
                loads[e] = most;
                full[e] = filled = true;
            }
        }
        return filled;
    };
    while (fill()) {
        double left = all, others = 0.0;
        for (std::size_t e = 0; e < loads.size(); ++e) {
            (full[e] ? left : others) += full[e] ? -most : loads[e];
        }
        for (std::size_t e = 0; e < loads.size(); ++e) {
            if (!full[e]) { // where the others are never chosen, one after the other takes what is left
                loads[e] = others > 0.0 ? loads[e] * (left / others) : std::min(left, most);
                left -= others > 0.0 ? 0.0 : loads[e];
            }
        }
    }
}

/// Calls `look` with the loads of each MoE layer, as the ranks get them: experts in order, after shuffling and dropping.
template <class Look>
void for_each_layer(Routing const& routing, Model const& model, std::uint64_t seed, Look look) {
    Rng rng{seed, "expert-load"};
    bool const measured = std::holds_alternative<MeasuredLoad>(routing.load);
    for (int layer = 0; layer < moe_layers(model); ++layer) {
        auto loads = expert_loads(routing.load, layer, model.moe->experts, rng);
        if (!measured) {
            at_most_one_per_token(loads, model.moe->topk);
            shuffle(loads, rng);
        }
        if (routing.capacity_factor) {
            for (auto& load : loads) {
                load = std::min(load, *routing.capacity_factor);
            }
        }
        look(layer, loads);
    }
}

/// How many copies each expert gets.
std::vector<int> copies_of(std::vector<double> const& loads, int more) {
    std::vector<int> copies(loads.size(), 1);
    for (int i = 0; i < more; ++i) {
        std::size_t busiest = 0;
        for (std::size_t e = 1; e < loads.size(); ++e) {
            if (loads[e] / copies[e] > loads[busiest] / copies[busiest]) {
                busiest = e;
            }
        }
        ++copies[busiest];
    }
    return copies;
}

/// Load of the busiest rank, with an equal number of copies on each.
double pack(std::vector<double> const& loads, std::vector<int> const& copies, std::size_t ranks) {
    std::vector<std::pair<double, std::size_t>> all; // load of a copy, its expert
    for (std::size_t e = 0; e < loads.size(); ++e) {
        all.insert(all.end(), static_cast<std::size_t>(copies[e]), {loads[e] / copies[e], e});
    }
    std::ranges::stable_sort(all, std::ranges::greater{}, &std::pair<double, std::size_t>::first);
    std::vector<std::vector<std::size_t>> held(ranks);
    std::vector<double> sum(ranks, 0.0);
    for (auto const& [load, expert] : all) {
        std::size_t best = ranks;
        bool best_has = false;
        for (std::size_t r = 0; r < ranks; ++r) {
            bool const has = std::ranges::find(held[r], expert) != held[r].end();
            bool const better = best == ranks || std::pair{has, sum[r]} < std::pair{best_has, sum[best]};
            if (held[r].size() < all.size() / ranks && better) {
                best = r;
                best_has = has;
            }
        }
        held[best].push_back(expert);
        sum[best] += load;
    }
    return *std::ranges::max_element(sum);
}

} // namespace

double rank_imbalance(Routing const& routing, Model const& model, int ranks, std::uint64_t seed) {
    expects(model.moe && ranks > 0 && model.moe->experts % ranks == 0, "experts divide over the ranks");
    std::vector<int> const each(static_cast<std::size_t>(ranks), model.moe->experts / ranks);
    return rank_imbalance(routing, model, std::vector<std::vector<int>>{each}, seed);
}

double rank_imbalance(Routing const& routing, Model const& model,
                      std::vector<std::vector<int>> const& experts, std::uint64_t seed) {
    if (std::holds_alternative<BalancedLoad>(routing.load)) {
        return 1.0;
    }
    double sum = 0.0;
    for_each_layer(routing, model, seed, [&](int layer, std::vector<double> const& loads) {
        sum += busiest(loads, experts[static_cast<std::size_t>(layer) % experts.size()]);
    });
    return sum / moe_layers(model);
}

Redundancy copy_busy_experts(Routing const& routing, Model const& model, int ranks, int copies,
                             std::uint64_t seed) {
    expects(model.moe && ranks > 0 && (model.moe->experts + copies) % ranks == 0,
            "copies divide over the ranks");
    Redundancy sum{0.0, 0.0, 0.0};
    for_each_layer(routing, model, seed, [&](int, std::vector<double> const& loads) {
        auto const all = copies_of(loads, copies);
        double const copied = static_cast<double>(std::ranges::count_if(all, [](int n) { return n > 1; }));
        double const mean = static_cast<double>(loads.size()) / ranks;
        sum.imbalance += pack(loads, all, static_cast<std::size_t>(ranks)) / mean;
        sum.copied_per_rank += (copies + copied) / ranks;
        sum.copies += copied > 0 ? (copies + copied) / copied : 1.0;
    });
    double const layers = moe_layers(model);
    return {sum.imbalance / layers, sum.copied_per_rank / layers, sum.copies / layers};
}

} // namespace moesaic::model
