#include "timing/local_plane.hpp"

#include <Eigen/Dense>
#include <cmath>

namespace moesaic::timing {

namespace {
/// Relative to the total weight; in units of log2 squared.
constexpr double ridge = 0.02;
} // namespace

PlaneFit fit_plane(std::span<WeightedPoint const> points, Coordinates const& at) {
    constexpr int terms = max_coordinates + 1;
    using Matrix = Eigen::Matrix<double, terms, terms>;
    using Vector = Eigen::Matrix<double, terms, 1>;
    Matrix normal = Matrix::Zero();
    Vector right = Vector::Zero();
    double total = 0;
    auto const basis = [&](WeightedPoint const& p) {
        Vector x;
        x[0] = 1;
        for (int i = 0; i < max_coordinates; ++i) {
            x[i + 1] = p.at[static_cast<std::size_t>(i)] - at[static_cast<std::size_t>(i)];
        }
        return x;
    };
    for (auto const& p : points) {
        auto const x = basis(p);
        normal.noalias() += p.weight * x * x.transpose();
        right.noalias() += p.weight * p.value * x;
        total += p.weight;
    }
    if (total <= 0) {
        return {};
    }
    for (int i = 1; i < terms; ++i) {
        normal(i, i) += ridge * total;
    }
    Vector const plane = normal.ldlt().solve(right);
    double left_over = 0;
    for (auto const& p : points) {
        auto const miss = p.value - basis(p).dot(plane);
        left_over += p.weight * miss * miss;
    }
    return {plane[0], std::sqrt(left_over / total)};
}

} // namespace moesaic::timing
