#include "base/quantile.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE(
    "The median of an odd number is the middle value, of an even number half way between the middle two",
    "[base]") {
    CHECK(median(std::vector{9.0, 1.0, 4.0}) == 4.0);
    CHECK(median(std::vector{9.0, 1.0, 5.0, 4.0}) == 4.5); // (4 + 5) / 2
    CHECK(median(std::vector{7.0}) == 7.0);
    CHECK(median(std::vector{3.0F, 1.0F}) == 2.0F);
}

TEST_CASE("A quantile lies on the straight line between its two neighbours in order of size", "[base]") {
    std::vector const values{40.0, 10.0, 30.0, 20.0};
    CHECK(quantile(values, 0.0) == 10.0);
    CHECK(quantile(values, 1.0) == 40.0);
    CHECK(quantile(values, 0.25) == 17.5); // 0.25 * 3 = 0.75 of the way from 10 to 20
    CHECK(quantile(values, 0.75) == 32.5); // 0.75 * 3 = 2.25: a quarter of the way from 30 to 40
}

TEST_CASE("There is no quantile of nothing and none beyond 0 to 1", "[base]") {
    CHECK_THROWS_AS(median(std::vector<double>{}), BugError);
    CHECK_THROWS_AS(quantile(std::vector{1.0}, 1.5), BugError);
    CHECK_THROWS_AS(quantile(std::vector{1.0}, -0.1), BugError);
}
