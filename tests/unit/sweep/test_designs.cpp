#include "sweep_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::settings_of;
using moesaic::test::sweep_of;

TEST_CASE("permuted gives every number once", "[sweep]") {
    for (std::uint64_t count : {1, 2, 3, 7, 64, 1000}) {
        std::set<std::uint64_t> seen;
        for (std::uint64_t i = 0; i < count; ++i) {
            seen.insert(permuted(i, count, 42));
        }
        CHECK(seen.size() == count);
        CHECK(*seen.rbegin() == count - 1);
    }
}

TEST_CASE("a Latin hypercube has one draw in each strip of each axis", "[sweep]") {
    Design const design = LatinHypercube{50};
    std::vector<std::set<int>> strips(3);
    for (int draw = 0; draw < 50; ++draw) {
        auto const places = places_of(design, 7, {"a", "b", "c"}, draw);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            strips[axis].insert(static_cast<int>(std::floor(places[axis] * 50)));
        }
    }
    for (auto const& axis : strips) {
        CHECK(axis.size() == 50);
    }
}

TEST_CASE("a further axis changes no draw of the others", "[sweep]") {
    for (Design const& design : std::vector<Design>{Random{20}, LatinHypercube{20}}) {
        for (int draw = 0; draw < 20; ++draw) {
            auto const two = places_of(design, 1, {"a", "b"}, draw);
            auto const three = places_of(design, 1, {"new", "a", "b"}, draw);
            CHECK(two[0] == three[1]);
            CHECK(two[1] == three[2]);
        }
    }
    for (Design const& design : std::vector<Design>{Sobol{20}}) {
        for (int draw = 0; draw < 20; ++draw) {
            auto const two = places_of(design, 1, {"a", "b"}, draw);
            auto const three = places_of(design, 1, {"a", "b", "new"}, draw);
            CHECK(two[0] == three[0]);
            CHECK(two[1] == three[1]);
        }
    }
}

TEST_CASE("Sobol points begin as Boost's manual prints them", "[sweep]") {
    Design const design = Sobol{8};
    std::vector<std::vector<double>> const expected{
        {0.5, 0.5}, {0.75, 0.25}, {0.25, 0.75}, {0.375, 0.375}, {0.875, 0.875}};
    for (std::size_t draw = 0; draw < expected.size(); ++draw) {
        CHECK(places_of(design, 1, {"a", "b"}, static_cast<std::int64_t>(draw)) == expected[draw]);
    }
}

TEST_CASE("a Saltelli design takes one axis after the other from its second sample", "[sweep]") {
    Design const design = Saltelli{4};
    CHECK(draws_of(design, 3) == 4 * 5); // base points x (axes + 2)
    std::vector<std::string> const axes{"a", "b", "c"};
    for (int base = 0; base < 4; ++base) {
        auto const a = places_of(design, 1, axes, 5 * base);
        auto const b = places_of(design, 1, axes, 5 * base + 1);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            auto mixed = a;
            mixed[axis] = b[axis];
            CHECK(places_of(design, 1, axes, 5 * base + 2 + static_cast<int>(axis)) == mixed);
            CHECK(a[axis] != b[axis]);
        }
    }
}

TEST_CASE("draws over whole numbers reach both ends equally often", "[sweep]") {
    Points const points{sweep_of(R"(
design = { kind = "latin_hypercube", points = 400 }
[[axes]]
path = "e"
range = { from = 1, to = 4 }
)")};
    std::map<std::string, int> count;
    for (auto const& line : settings_of(points)) {
        ++count[line];
    }
    // 400 strips over 4 numbers
    CHECK(count == std::map<std::string, int>{{"e=1", 100}, {"e=2", 100}, {"e=3", 100}, {"e=4", 100}});
}

TEST_CASE("a crossed axis goes with every draw", "[sweep]") {
    auto const points = settings_of(Points{sweep_of(R"(
design = { kind = "random", points = 3 }
[[axes]]
path = "chip"
values = ["a", "b"]
crossed = true
[[axes]]
path = "nic"
range = { from = "10 GB/s", to = "100 GB/s", scale = "log" }
)")});
    REQUIRE(points.size() == 6); // 2 rows x 3 draws
    for (std::size_t draw = 0; draw < 3; ++draw) {
        CHECK(points[draw].substr(points[draw].find(" nic")) ==
              points[3 + draw].substr(points[3 + draw].find(" nic")));
        CHECK(points[draw].starts_with("chip=\"a\" nic="));
        CHECK(points[3 + draw].starts_with("chip=\"b\" nic="));
    }
}

TEST_CASE("draws of another seed are others, of the same seed the same", "[sweep]") {
    auto const drawn = [](int seed) {
        return settings_of(Points{sweep_of("seed = " + std::to_string(seed) + R"(
design = { kind = "random", points = 5 }
axes = [{ path = "x", range = { from = 0.0, to = 1.0 } }]
)")});
    };
    CHECK(drawn(1) == drawn(1));
    CHECK(drawn(1) != drawn(2));
}

TEST_CASE("a hundred thousand points are made one at a time", "[sweep]") {
    Points const points{sweep_of(R"(
design = { kind = "latin_hypercube", points = 100_000 }
axes = [{ path = "x", range = { from = 0.0, to = 1.0 } }, { path = "y", range = { from = 1, to = 9 } }]
)")};
    CHECK(points.size() == 100'000);
    CHECK(points.at(99'999).settings.size() == 2);
}
