#include "cli/number_text.hpp"

#include <catch2/catch.hpp>

using namespace moesaic::cli;

TEST_CASE("thousands are parted from the right, of whole numbers to the last digit", "[cli]") {
    CHECK(grouped(230909.2) == "230,909");
    CHECK(grouped(999.4) == "999");
    CHECK(grouped(-1234567.0) == "-1,234,567");
    CHECK(grouped(std::int64_t{-123}) == "-123");
    CHECK(grouped(std::int64_t{9007199254740993}) == "9,007,199,254,740,993"); // no double holds it
    CHECK(percent(0.314) == "31.4 %");
}
