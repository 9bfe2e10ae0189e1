#include "io/parse_number.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>

using namespace moesaic::io;

TEST_CASE("a number is the whole text or none", "[io]") {
    CHECK(parse_number<double>("-2.5e3") == -2500.0);
    CHECK(parse_number<std::int64_t>("9007199254740993") == 9007199254740993); // no double holds it
    for (auto const* text : {"", " 1", "1 ", "+1", "1x", "x", "0x10", "1,5"}) {
        INFO(text);
        CHECK_FALSE(parse_number<double>(text));
        CHECK_FALSE(parse_number<int>(text));
    }
    CHECK_FALSE(parse_number<int>("1.5"));
    CHECK_FALSE(parse_number<int>("4000000000")); // beyond an int
    CHECK_FALSE(parse_number<double>("1e400"));
    CHECK(std::isinf(parse_number<double>("inf").value())); // to be refused by who cannot use it
}

TEST_CASE("a leading number leaves what follows it", "[io]") {
    auto const rate = parse_leading_number<double>("50 GB/s");
    REQUIRE(rate);
    CHECK(rate->value == 50.0);
    CHECK(rate->rest == " GB/s");
    CHECK(parse_leading_number<int>("2/8")->rest == "/8");
    CHECK_FALSE(parse_leading_number<double>("GB/s"));
}
