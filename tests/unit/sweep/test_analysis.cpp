#include "sweep/pareto.hpp"
#include "sweep/points.hpp"
#include "sweep/sensitivity.hpp"
#include "sweep_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::sweep_of;

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

std::string const three_angles = R"(
axes = [{ path = "x", range = { from = -3.14159265358979, to = 3.14159265358979 } },
        { path = "y", range = { from = -3.14159265358979, to = 3.14159265358979 } },
        { path = "z", range = { from = -3.14159265358979, to = 3.14159265358979 } }]
)";

/// The function of a sweep's number axes at each of its points.
template <class Function>
std::vector<double> values_of(Points const& points, Function const& function) {
    std::vector<double> out;
    for (std::int64_t i = 0; i < points.size(); ++i) {
        std::vector<double> x;
        for (auto const& cell : points.at(i).cells) {
            auto const* whole = std::get_if<std::int64_t>(&cell);
            x.push_back(whole ? static_cast<double>(*whole) : std::get<double>(cell));
        }
        out.push_back(function(x));
    }
    return out;
}

double ishigami(std::vector<double> const& x) {
    return std::sin(x[0]) + 7 * std::pow(std::sin(x[1]), 2) + 0.1 * std::pow(x[2], 4) * std::sin(x[0]);
}

Sensitivity sensitivity_of(Sweep const& sweep, std::vector<double> const& values) {
    auto const found = find_sensitivity(sweep, values);
    REQUIRE(std::holds_alternative<Sensitivity>(found));
    return std::get<Sensitivity>(found);
}

std::string reason_of(Sweep const& sweep, std::vector<double> const& values) {
    auto const found = find_sensitivity(sweep, values);
    REQUIRE(std::holds_alternative<NoSensitivity>(found));
    return std::get<NoSensitivity>(found).reason;
}

} // namespace

TEST_CASE("Sobol indices of Ishigami's function are those known in closed form", "[sweep]") {
    Points const points{sweep_of("design = { kind = \"saltelli\", base_points = 1024 }" + three_angles)};
    auto const found = sensitivity_of(points.sweep(), values_of(points, ishigami));
    // with a = 7, b = 0.1: V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = b^2 pi^8 (1/18 - 1/50)
    auto const v1 = std::pow(1 + 0.1 * std::pow(pi, 4) / 5, 2) / 2, v2 = 49.0 / 8;
    auto const v13 = 0.01 * std::pow(pi, 8) * (1.0 / 18 - 1.0 / 50), v = v1 + v2 + v13;
    CHECK(found.mean == Approx(3.5).epsilon(0.01)); // a / 2
    CHECK(found.variance == Approx(v).epsilon(0.02));
    std::vector<double> const first{v1 / v, v2 / v, 0}, total{(v1 + v13) / v, v2 / v, v13 / v};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        CHECK(found.axes[axis].first == Approx(first[axis]).margin(0.02));
        CHECK(found.axes[axis].total == Approx(total[axis]).margin(0.02));
        CHECK((found.axes[axis].first_error > 0 && found.axes[axis].first_error < 0.1));
    }
    CHECK(found.axes[0].axis == "x");
    CHECK((found.points == 5 * 1024 && found.left_out == 0));
}

TEST_CASE("a base point with a gap is left out of the indices whole", "[sweep]") {
    Points const points{sweep_of("design = { kind = \"saltelli\", base_points = 256 }" + three_angles)};
    auto values = values_of(points, ishigami);
    values[7] = values[8] = none; // of the second base point: 5 to 9
    auto const found = sensitivity_of(points.sweep(), values);
    CHECK((found.points == 5 * 255 && found.left_out == 5));
    CHECK(std::isfinite(found.axes[0].first));
}

TEST_CASE("Sobol indices of a grid are the variances of its conditional means", "[sweep]") {
    Points const points{
        sweep_of("axes = [{ path = \"x\", values = [0, 1] }, { path = \"y\", values = [0, 1, 2] }]")};
    // x + y: variances 1/4 and 2/3 of 11/12, no interaction
    auto const sum =
        sensitivity_of(points.sweep(), values_of(points, [](auto const& x) { return x[0] + x[1]; }));
    CHECK(sum.variance == Approx(11.0 / 12));
    CHECK(sum.axes[0].first == Approx(3.0 / 11));
    CHECK(sum.axes[0].total == Approx(3.0 / 11));
    CHECK(sum.axes[1].first == Approx(8.0 / 11));
    CHECK(sum.axes[1].total == Approx(8.0 / 11));
    // x y = 0 0 0 0 1 2: mean 1/2, variance 5/6 - 1/4 = 7/12; means over x: 0, 1 -> 1/4; over y: 0, 1/2, 1 -> 1/6
    auto const product =
        sensitivity_of(points.sweep(), values_of(points, [](auto const& x) { return x[0] * x[1]; }));
    CHECK(product.axes[0].first == Approx(3.0 / 7));
    CHECK(product.axes[1].first == Approx(2.0 / 7));
    CHECK(product.axes[0].total == Approx(1 - 2.0 / 7));
    CHECK(product.axes[1].total == Approx(1 - 3.0 / 7));
}

TEST_CASE("a metric that does not vary has no sensitive axis", "[sweep]") {
    Points const points{sweep_of("axes = [{ path = \"x\", values = [0, 1] }]")};
    auto const found = sensitivity_of(points.sweep(), {4, 4});
    CHECK((found.axes[0].first == 0 && found.axes[0].total == 0));
}

TEST_CASE("why there are no indices is told", "[sweep]") {
    auto const grid = sweep_of("axes = [{ path = \"x\", values = [0, 1, 2] }]");
    CHECK(reason_of(grid, {1, none, 2}) == "1 of 3 points have no value, and a grid needs all");
    CHECK(reason_of(sweep_of("design = { kind = \"random\", points = 2 }\n"
                             "axes = [{ path = \"x\", range = { from = 0.0, to = 1.0 } }]"),
                    {1, 2}) == "a random design has none; saltelli and grid do");
    CHECK(reason_of(sweep_of("axes = [{ path = \"x\", values = [0, 1] }, "
                             "{ path = \"y\", values = [0, 1], when = { x = 1 } }]"),
                    {1, 2, 3}) == "axes with conditions are not independent");
    CHECK(reason_of(sweep_of(""), {1}) == "the sweep has no axes");
}

TEST_CASE("the Pareto front has what nothing else beats", "[sweep]") {
    // 4 is beaten by 1 (2, 4), 5 is no candidate, 6 equals 1
    CHECK(find_pareto_front({{1, 5}, {2, 3}, {4, 1}, {3, 3}, {2, 4}, {0, none}, {2, 3}}) ==
          std::vector<std::size_t>{0, 1, 6, 2});
    CHECK(find_pareto_front({{3}, {1}, {2}, {1}}) == std::vector<std::size_t>{1, 3});
    CHECK(find_pareto_front({{1, 2, 3}, {1, 2, 2}, {3, 0, 9}}) == std::vector<std::size_t>{1, 2});
    CHECK(find_pareto_front({}).empty());
}
