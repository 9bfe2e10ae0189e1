#include "io/unit_text.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::io;

TEST_CASE("GB and GiB are apart", "[io]") {
    CHECK(parse_quantity<Bytes>("80 GB")->value() == 80e9);
    CHECK(parse_quantity<Bytes>("80 GiB")->value() == 80.0 * 1073741824.0);
}

TEST_CASE("bits and bytes per second are apart", "[io]") {
    CHECK(parse_quantity<BytesPerSecond>("400 Gbit/s")->value() == 50e9);
    CHECK(parse_quantity<BytesPerSecond>("50GB/s")->value() == 50e9);
    CHECK_FALSE(parse_quantity<BytesPerSecond>("50 GB"));
    CHECK_FALSE(parse_quantity<BytesPerSecond>("50 Gb/s")); // bit or byte? not guessed
}

TEST_CASE("a rent has a currency by its code", "[io]") {
    CHECK(*parse_quantity<MoneyPerHour>("27.5 CNY/h") == MoneyPerHour{27.5, "CNY"});
    CHECK_FALSE(parse_quantity<MoneyPerHour>("27.5 RMB"));
    CHECK_FALSE(parse_quantity<MoneyPerHour>("27.5 cny/h"));
    CHECK(*parse_quantity<Money>("6.35e6 CNY") == Money{6.35e6, "CNY"});
    CHECK(*parse_quantity<Money>("5 M CNY") == Money{5e6, "CNY"});
    CHECK(*parse_quantity<Money>("300 k USD") == Money{3e5, "USD"});
    CHECK_FALSE(parse_quantity<Money>("5 MCNY"));
    CHECK_FALSE(parse_quantity<Money>("5 m CNY"));
}

TEST_CASE("a number beyond all sense is refused", "[io]") {
    CHECK_FALSE(parse_quantity<Tokens>("1e40 tokens"));
    CHECK_FALSE(parse_quantity<BytesPerSecond>("1e-30 GB/s"));
    CHECK(parse_quantity<Seconds>("0 s"));
}

TEST_CASE("what is no finite number is refused", "[io]") {
    CHECK_FALSE(parse_quantity<Seconds>("nan s"));
    CHECK_FALSE(parse_quantity<Seconds>("inf s"));
    CHECK_FALSE(parse_quantity<Seconds>("s"));
    CHECK_FALSE(parse_quantity<Seconds>(""));
    CHECK_FALSE(parse_quantity<Seconds>("1 1 s"));
}

TEST_CASE("amounts are shown with a fitting prefix", "[io]") {
    CHECK(text_of(Seconds{0.0125}) == "12.5 ms");
    CHECK(text_of(Bytes{79.1 * 1073741824.0}) == "79.1 GiB");
    CHECK(text_of(BytesPerSecond{3.35e12}) == "3.35 TB/s");
    CHECK(text_of(Money{6.35e6, "CNY"}) == "6.35 M CNY");
    CHECK(text_of(Money{7, "CNY"}) == "7 CNY");
}
