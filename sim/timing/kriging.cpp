#include "timing/kriging.hpp"

#include "base/errors.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace moesaic::timing {

namespace {

constexpr double same_place = 1e-9;
/// Variance of the level that all series share: nothing is known of it beforehand.
constexpr double common_level = 0.25;

/// Matérn of order 3/2.
double fading(double distance, double length) {
    auto const r = std::sqrt(3.0) * distance / length;
    return (1 + r) * std::exp(-r);
}

struct Covariance {
    Smoothness const& s;
    Coordinates const& centre;
    std::vector<Kinship> kin; ///< of pairs of groups
    std::size_t groups;

    [[nodiscard]] double operator()(KnownPoint const& a, KnownPoint const& b) const {
        double apart = 0, trend = 0, rest = 0;
        for (std::size_t i = 0; i < centre.size(); ++i) {
            auto const step = a.at[i] - b.at[i];
            apart += step * step;
            rest += i > 0 ? std::abs(step) : 0;
            trend += (a.at[i] - centre[i]) * (b.at[i] - centre[i]);
        }
        auto const first = std::abs(a.at[0] - b.at[0]);
        auto const& pair =
            kin[static_cast<std::size_t>(a.group) * groups + static_cast<std::size_t>(b.group)];
        auto shape =
            s.slope * s.slope * trend + s.amplitude * s.amplitude * fading(std::sqrt(apart), s.length);
        shape += s.along_first > 0 ? s.along_first * s.along_first * fading(first, s.first_length) : 0;
        if (a.group == b.group) {
            shape += rest < same_place ? s.same_rest * s.same_rest * fading(first, s.rest_length) : 0;
            shape += first < same_place ? s.same_first * s.same_first : 0;
        }
        return common_level + pair.level + pair.curve * shape;
    }
};

Covariance make_covariance(std::span<Traits const> groups, Coordinates const& at,
                           Smoothness const& smoothness) {
    Covariance out{smoothness, at, {}, groups.size()};
    for (auto const& a : groups) {
        for (auto const& b : groups) {
            out.kin.push_back(kinship(a, b));
        }
    }
    return out;
}

} // namespace

Kriged krige(std::span<KnownPoint const> points, std::span<Traits const> groups, Coordinates const& at,
             Smoothness const& smoothness) {
    using Matrix =
        Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, max_known_points, max_known_points>;
    using Vector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, max_known_points, 1>;
    expects(!points.empty() && points.size() <= max_known_points, "1 to 48 points to krige from");
    auto const covariance = make_covariance(groups, at, smoothness);
    auto const n = static_cast<Eigen::Index>(points.size());
    double mean = 0;
    for (auto const& p : points) {
        mean += p.value / static_cast<double>(points.size());
    }
    KnownPoint const here{at, 0, 0};
    Matrix between(n, n);
    Vector to_here(n), values(n);
    for (Eigen::Index i = 0; i < n; ++i) {
        auto const& p = points[static_cast<std::size_t>(i)];
        values[i] = p.value - mean;
        to_here[i] = covariance(p, here);
        for (Eigen::Index j = 0; j <= i; ++j) {
            between(i, j) = covariance(p, points[static_cast<std::size_t>(j)]);
        }
        between(i, i) += smoothness.noise * smoothness.noise;
    }
    Eigen::LLT<Matrix, Eigen::Lower> const solver{between};
    Vector const weights = solver.solve(to_here);
    Vector const explained = solver.solve(values);
    auto const variance = covariance(here, here) - to_here.dot(weights);
    auto const misfit =
        values.dot(explained) / static_cast<double>(n); // 1 where the points behave as assumed
    return {mean + values.dot(weights), std::sqrt(std::max(variance, 1e-8) * std::max(misfit, 0.05))};
}

} // namespace moesaic::timing
