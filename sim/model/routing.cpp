#include "model/routing.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"

#include <boost/math/distributions/normal.hpp>
#include <boost/random/gamma_distribution.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace moesaic::model {

namespace {

constexpr std::array presets{
    RoutingPreset{"deepseek_moe_16b", 0.105, "multi-head attention"},
    RoutingPreset{"nemotron_30b", 0.150, "Mamba-2 hybrid"},
    RoutingPreset{"deepseek_v2_lite", 0.24, "latent attention; published as above 0.24"},
    RoutingPreset{"qwen3p5_35b", 0.24, "gated delta net; published as above 0.24"},
};

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

/// Rows of the busiest rank, `loads.size() / ranks` consecutive experts each, over those of a balanced one.
double busiest(std::vector<double> const& loads, int ranks) {
    auto const per_rank = static_cast<std::ptrdiff_t>(loads.size()) / ranks;
    double most = 0.0;
    for (auto from = loads.begin(); from != loads.end(); from += per_rank) {
        most = std::max(most, std::accumulate(from, from + per_rank, 0.0) / static_cast<double>(per_rank));
    }
    return most;
}

} // namespace

std::span<RoutingPreset const> routing_presets() { return presets; }

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

double rank_imbalance(Routing const& routing, Model const& model, int ranks, std::uint64_t seed) {
    expects(model.moe && ranks > 0 && model.moe->experts % ranks == 0, "experts divide over the ranks");
    if (std::holds_alternative<BalancedLoad>(routing.load)) {
        return 1.0;
    }
    Rng rng{seed, "expert-load"};
    bool const measured = std::holds_alternative<MeasuredLoad>(routing.load);
    double sum = 0.0;
    int const layers = moe_layers(model);
    for (int layer = 0; layer < layers; ++layer) {
        auto loads = expert_loads(routing.load, layer, model.moe->experts, rng);
        if (!measured) {
            shuffle(loads, rng);
        }
        if (routing.capacity_factor) {
            for (auto& load : loads) {
                load = std::min(load, *routing.capacity_factor);
            }
        }
        sum += busiest(loads, ranks);
    }
    return sum / layers;
}

} // namespace moesaic::model
