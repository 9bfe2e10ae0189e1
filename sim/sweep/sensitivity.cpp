#include "sweep/sensitivity.hpp"

#include "base/random.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::sweep {

namespace {

using Eigen::Array;
using Eigen::ArrayXd;
using Eigen::Dynamic;

/// A row for each base point; columns A, B, then A with one axis of B after the other.
using Samples = Array<double, Dynamic, Dynamic, Eigen::RowMajor>;

constexpr Eigen::Index first_mixed = 2;

/// The base points of which every member has a value.
Samples samples_of(std::vector<double> const& values, Eigen::Index members) {
    auto const rows = static_cast<Eigen::Index>(values.size()) / members;
    Eigen::Map<Samples const> const all{values.data(), rows, members};
    Samples whole(rows, members);
    Eigen::Index count = 0;
    for (Eigen::Index row = 0; row < rows; ++row) {
        if (all.row(row).isFinite().all()) {
            whole.row(count++) = all.row(row);
        }
    }
    return whole.topRows(count);
}

struct Estimate {
    double mean = 0.0, variance = 0.0;
    ArrayXd first, total; ///< one for each axis
};

/// @param weights how often each base point counts; their sum is the number of base points
Estimate estimate(Samples const& samples, ArrayXd const& weights) {
    auto const axes = samples.cols() - first_mixed;
    auto const rows = weights.sum();
    auto const mean_of = [&](auto const& column) { return (weights * column).sum() / rows; };
    Estimate out;
    out.mean = 0.5 * (mean_of(samples.col(0)) + mean_of(samples.col(1)));
    ArrayXd const a = samples.col(0) - out.mean, b = samples.col(1) - out.mean;
    out.variance = 0.5 * (mean_of(a.square()) + mean_of(b.square()));
    out.first = out.total = ArrayXd::Zero(axes);
    for (Eigen::Index axis = 0; axis < axes && out.variance > 0; ++axis) {
        ArrayXd const mixed = samples.col(first_mixed + axis) - out.mean;
        out.first[axis] = mean_of(b * (mixed - a)) / out.variance;
        out.total[axis] = 0.5 * mean_of((a - mixed).square()) / out.variance;
    }
    return out;
}

struct Errors {
    ArrayXd first, total;
};

/// Standard deviations of the indices over samples drawn from the sample with replacement.
Errors bootstrap(Samples const& samples, std::uint64_t seed) {
    constexpr int draws = 200;
    auto const rows = samples.rows();
    auto const axes = samples.cols() - first_mixed;
    Rng rng{seed, "bootstrap of the Sobol indices"};
    Array<double, Dynamic, Dynamic> first(axes, draws), total(axes, draws);
    for (int draw = 0; draw < draws; ++draw) {
        ArrayXd weights = ArrayXd::Zero(rows);
        for (Eigen::Index i = 0; i < rows; ++i) {
            weights[static_cast<Eigen::Index>(rng.below(static_cast<std::uint64_t>(rows)))] += 1.0;
        }
        auto const again = estimate(samples, weights);
        first.col(draw) = again.first;
        total.col(draw) = again.total;
    }
    auto const spread = [](auto const& values) -> ArrayXd {
        return (values.colwise() - values.rowwise().mean()).square().rowwise().mean().sqrt();
    };
    return {spread(first), spread(total)};
}

std::variant<Sensitivity, NoSensitivity> of_saltelli(Sweep const& sweep, std::vector<double> const& values) {
    auto const members = static_cast<Eigen::Index>(sweep.axes.size()) + first_mixed;
    auto const samples = samples_of(values, members);
    if (samples.rows() < 2) {
        return NoSensitivity{"fewer than two base points have a value at every one of their points"};
    }
    auto const all = estimate(samples, ArrayXd::Ones(samples.rows()));
    auto const errors = bootstrap(samples, sweep.seed);
    Sensitivity out{all.mean, all.variance, samples.size(), 0, {}};
    out.left_out = static_cast<std::int64_t>(values.size()) - out.points;
    for (Eigen::Index axis = 0; axis < members - first_mixed; ++axis) {
        out.axes.push_back({sweep.axes[static_cast<std::size_t>(axis)].name, all.first[axis], all.total[axis],
                            errors.first[axis], errors.total[axis]});
    }
    return out;
}

/// Sums of the values over groups of points, and how far their means spread around the mean of all.
double variance_of_means(ArrayXd const& values, std::vector<Eigen::Index> const& group_of,
                         Eigen::Index groups) {
    ArrayXd sums = ArrayXd::Zero(groups);
    for (Eigen::Index i = 0; i < values.size(); ++i) {
        sums[group_of[static_cast<std::size_t>(i)]] += values[i];
    }
    ArrayXd const means = sums * (static_cast<double>(groups) / static_cast<double>(values.size()));
    return (means - values.mean()).square().mean();
}

/// The last axis runs fastest. Groups by the row of one axis, and by the rows of all the others.
std::variant<Sensitivity, NoSensitivity> of_grid(Sweep const& sweep, std::vector<double> const& values) {
    if (std::ranges::any_of(sweep.axes, [](Axis const& axis) { return !axis.when.empty(); })) {
        return NoSensitivity{"axes with conditions are not independent"};
    }
    auto const gaps = std::ranges::count_if(values, [](double value) { return !std::isfinite(value); });
    if (gaps > 0) {
        return NoSensitivity{
            fmt::format("{} of {} points have no value, and a grid needs all", gaps, values.size())};
    }
    ArrayXd const all = Eigen::Map<ArrayXd const>{values.data(), static_cast<Eigen::Index>(values.size())};
    Sensitivity out{all.mean(), (all - all.mean()).square().mean(), all.size(), 0, {}};
    auto after = all.size(); // points that share the rows of this axis and those before it
    for (auto const& axis : sweep.axes) {
        auto const rows = static_cast<Eigen::Index>(axis.rows.size());
        auto const before = after;
        after /= rows;
        std::vector<Eigen::Index> own, others;
        for (Eigen::Index i = 0; i < all.size(); ++i) {
            own.push_back(i / after % rows);
            others.push_back(i / before * after + i % after);
        }
        SobolIndex index{.axis = axis.name};
        if (out.variance > 0) {
            index.first = variance_of_means(all, own, rows) / out.variance;
            index.total = 1.0 - variance_of_means(all, others, all.size() / rows) / out.variance;
        }
        out.axes.push_back(index);
    }
    return out;
}

} // namespace

std::variant<Sensitivity, NoSensitivity> find_sensitivity(Sweep const& sweep,
                                                          std::vector<double> const& values) {
    if (sweep.axes.empty()) {
        return NoSensitivity{"the sweep has no axes"};
    }
    if (std::holds_alternative<Saltelli>(sweep.design)) {
        return of_saltelli(sweep, values);
    }
    if (std::holds_alternative<Grid>(sweep.design)) {
        return of_grid(sweep, values);
    }
    return NoSensitivity{fmt::format("a {} design has none; saltelli and grid do", name_of(sweep.design))};
}

} // namespace moesaic::sweep
