#include "timing/kriging.hpp"
#include "timing/nearest.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic::timing;

namespace {

Smoothness plain() { return {.length = 2, .amplitude = 0.1, .slope = 0.2, .noise = 1e-3}; }

/// f = 3 + 0.2 x - 0.1 y on a lattice of whole numbers around (0, 0)
std::vector<KnownPoint> linear_points(int group = 0, double shift = 0) {
    std::vector<KnownPoint> points;
    for (double x : {-1.0, 0.0, 1.0, 2.0}) {
        for (double y : {-1.0, 0.0, 1.0}) {
            points.push_back({{x, y, 0, 0, 0, 0}, 3 + shift + 0.2 * x - 0.1 * y, group});
        }
    }
    return points;
}

} // namespace

TEST_CASE("kriging gives a linear function back between its points", "[timing]") {
    // at (0.5, 0.25): 3 + 0.1 - 0.025 = 3.075
    auto const points = linear_points();
    std::vector<Traits> const groups(1);
    auto const said = krige(points, groups, {0.5, 0.25, 0, 0, 0, 0}, plain());
    CHECK(said.value == Approx(3.075).margin(0.002));
}

TEST_CASE("kriging gives a measured point back, and trusts it more than a place between", "[timing]") {
    auto const points = linear_points();
    std::vector<Traits> const groups(1);
    auto const at_point = krige(points, groups, points[5].at, plain());
    CHECK(at_point.value == Approx(points[5].value).margin(0.002));
    CHECK(at_point.sigma < krige(points, groups, {1.5, 0.5, 0, 0, 0, 0}, plain()).sigma);
    CHECK(at_point.sigma < krige(points, groups, {6, 6, 0, 0, 0, 0}, plain()).sigma);
}

TEST_CASE("kriging is the same for points in any order and for any common shift of the values", "[timing]") {
    auto points = linear_points();
    std::vector<Traits> const groups(1);
    Coordinates const at{0.3, -0.6, 0, 0, 0, 0};
    auto const said = krige(points, groups, at, plain());
    std::ranges::reverse(points);
    CHECK(krige(points, groups, at, plain()).value == Approx(said.value).epsilon(1e-9));
    for (auto& p : points) {
        p.value += 7;
    }
    CHECK(krige(points, groups, at, plain()).value == Approx(said.value + 7).epsilon(1e-9));
}

TEST_CASE("two points of a series take its level from themselves and its slope from a relative", "[timing]") {
    // the relative has f + 0.15 everywhere; the series itself is known at (0, 0) and (1, 0) only
    Traits own{.chip = 0, .die = 0}, relative{.chip = 1, .die = 1};
    std::vector<Traits> const groups{own, relative};
    auto points = linear_points(1, 0.15);
    points.push_back({{0, 0, 0, 0, 0, 0}, 3.0, 0});
    points.push_back({{1, 0, 0, 0, 0, 0}, 3.2, 0});
    // at (0, 1) the truth is 3 - 0.1 = 2.9, the relative alone says 3.05, the own points without it 3.0
    auto const said = krige(points, groups, {0, 1, 0, 0, 0, 0}, plain());
    CHECK(said.value < 2.99);
    CHECK(said.value > 2.88);
}

TEST_CASE("series that share more traits share more of their level and their curve", "[timing]") {
    Traits const a{.chip = 0, .die = 0, .dtype = 0, .source = 0, .library = 0, .variant = 0};
    auto other_library = a, other_chip = a;
    other_library.library = 1;
    other_chip.chip = 1;
    other_chip.die = 1;
    CHECK(kinship(a, a).curve == 1.0);
    CHECK(kinship(a, other_library).level < kinship(a, a).level);
    CHECK(kinship(a, other_chip).level < kinship(a, other_library).level);
    CHECK(kinship(a, other_chip).curve < kinship(a, other_library).curve);
}

TEST_CASE("the nearest points are those of a full scan", "[timing]") {
    std::vector<Coordinates> points;
    for (int i = 0; i < 200; ++i) {
        points.push_back({double(i * 37 % 101), double(i * 53 % 67), double(i % 7), 0, 0, 0});
    }
    NearestPoints const tree{points};
    for (Coordinates const at :
         {Coordinates{50, 30, 3, 0, 0, 0}, Coordinates{-5, 90, 0, 0, 0, 0}, points[17]}) {
        std::vector<std::pair<double, int>> all;
        for (int i = 0; i < 200; ++i) {
            double sum = 0;
            for (std::size_t d = 0; d < 6; ++d) {
                sum += std::pow(points[std::size_t(i)][d] - at[d], 2);
            }
            all.emplace_back(std::sqrt(sum), i);
        }
        std::sort(all.begin(), all.end());
        auto const found = tree.nearest(at, 9);
        REQUIRE(found.size() == 9);
        for (std::size_t i = 0; i < 9; ++i) {
            CHECK(found[i].distance == Approx(all[i].first));
            CHECK(found[i].point == all[i].second);
        }
    }
}

TEST_CASE("many points in one place are found, however many are asked for", "[timing]") {
    NearestPoints const tree{std::vector<Coordinates>(50, Coordinates{1, 2, 3, 0, 0, 0})};
    CHECK(tree.nearest({1, 2, 3, 0, 0, 0}, 100).size() == 50);
    CHECK(NearestPoints{}.nearest({}, 3).empty());
}
