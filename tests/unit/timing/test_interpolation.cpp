#include "timing/local_plane.hpp"
#include "timing/nearest.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic::timing;

TEST_CASE("a plane through points of a linear function gives the function back", "[timing]") {
    // f = 3 + 2 x - y at (0.5, 0.25): 3 + 1 - 0.25 = 3.75; the ridge of 0.02 pulls slopes in a little
    std::vector<WeightedPoint> points;
    for (double x : {0.0, 1.0, 2.0, -1.0}) {
        for (double y : {0.0, 1.0, -1.0}) {
            points.push_back({{x, y, 0, 0, 0, 0}, 3 + 2 * x - y, 1.0});
        }
    }
    auto const fit = fit_plane(points, {0.5, 0.25, 0, 0, 0, 0});
    CHECK(fit.value == Approx(3.75).margin(0.02));
    CHECK(fit.spread < 0.1);
}

TEST_CASE("without points a plane is zero", "[timing]") { CHECK(fit_plane({}, {}).value == 0.0); }

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

TEST_CASE("a point that is passed over is not found", "[timing]") {
    NearestPoints const tree{{{0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0}, {5, 0, 0, 0, 0, 0}}};
    auto const found = tree.nearest({0, 0, 0, 0, 0, 0}, 1, 0);
    REQUIRE(found.size() == 1);
    CHECK(found[0].point == 1);
}
