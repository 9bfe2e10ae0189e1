#include "economics/token_cost.hpp"
#include "hardware/catalogue.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::economics;
using Catch::Matchers::Contains;

namespace {

std::string const platforms = MOESAIC_SOURCE_DIR "/platforms";
Origin const here{"test.toml", 4, 1, "cost.prices"};

PriceBook book_of(std::string const& rents) {
    return read_price_book(io::parse_toml("id = \"b\"\nname = \"B\"\n" + rents, "b.toml"));
}

std::string rent(std::string const& chip, std::string const& amount) {
    return "[[rent]]\nchip = \"" + chip + "\"\nplace = \"here\"\ndate = \"2025\"\nprice = { value = \"" +
           amount + "\", source = \"s\", confidence = \"press\" }\n";
}

ExchangeRates seven_yuan_a_dollar() {
    return read_exchange_rates(
        io::parse_toml("[[rate]]\nfrom = \"USD\"\nto = \"CNY\"\nyear = 2025\n"
                       "average = { value = 7.0, source = \"s\", confidence = \"press\" }\n",
                       "r.toml"));
}

} // namespace

TEST_CASE("the Ling book holds the fair cost of the five devices", "[economics]") {
    auto const book = find_price_book(platforms, "ling_2025", here);
    // table 1 of arXiv 2503.05139, devices A to E
    CHECK(rent_of(book, "huawei_ascend_910b2", here).amount.value == MoneyPerHour{7, "CNY"});
    CHECK(rent_of(book, "alibaba_ppu", here).amount.value == MoneyPerHour{4.5, "CNY"});
    CHECK(rent_of(book, "nvidia_a800_sxm4_80", here).amount.value == MoneyPerHour{10, "CNY"});
    CHECK(rent_of(book, "nvidia_h800_sxm5", here).amount.value == MoneyPerHour{27.5, "CNY"});
    CHECK(rent_of(book, "nvidia_h20", here).amount.value == MoneyPerHour{5.64, "CNY"});
    CHECK(rent_of(book, "nvidia_h20", here).amount.confidence == hardware::Confidence::published);
}

TEST_CASE("every shipped price book can be read and prices chips of the catalogue only", "[economics]") {
    auto const chips = hardware::Catalogue{platforms}.chip_ids();
    for (auto const& id : price_book_ids(platforms)) {
        INFO(id);
        auto const book = find_price_book(platforms, id, here);
        CHECK_FALSE((book.rents.empty() && book.purchases.empty()));
        for (auto const& price : book.rents) {
            INFO(price.chip);
            CHECK(std::ranges::binary_search(chips, price.chip));
        }
        for (auto const& price : book.purchases) {
            INFO(price.chip);
            CHECK(std::ranges::binary_search(chips, price.chip));
        }
    }
}

TEST_CASE("a rent that a book does not know is an error that names chip and book", "[economics]") {
    auto const book = book_of(rent("x", "2 USD/h"));
    CHECK_THROWS_WITH(rent_of(book, "y", here), Contains("test.toml:4:1") &&
                                                    Contains("price book b has no rent for chip y") &&
                                                    Contains("for x"));
    CHECK_THROWS_WITH(find_price_book(platforms, "ling_2052", here), Contains("ling_2025"));
}

TEST_CASE("two rents for one chip in a book, or a negative one, are refused", "[economics]") {
    CHECK_THROWS_WITH(book_of(rent("x", "2 USD/h") + rent("x", "3 USD/h")),
                      Contains("a second rent for chip x"));
    CHECK_THROWS_WITH(book_of(rent("x", "-2 USD/h")), Contains("negative"));
    CHECK_THROWS_WITH(book_of(rent("x", "2 USD")), Contains("rent such as"));
}

TEST_CASE("amounts convert both ways at the average of the year, and never at another year's",
          "[economics]") {
    auto const rates = seven_yuan_a_dollar();
    CHECK(convert({2, "USD"}, "CNY", 2025, rates, here) == Money{14, "CNY"});
    CHECK(convert({14, "CNY"}, "USD", 2025, rates, here) == Money{2, "USD"});
    CHECK(convert({3, "EUR"}, "EUR", 1999, rates, here) == Money{3, "EUR"});
    CHECK_THROWS_WITH(convert({1, "USD"}, "CNY", 2024, rates, here),
                      Contains("no exchange rate from USD to CNY for 2024") && Contains("Known years: 2025"));
    CHECK_THROWS_WITH(convert({1, "EUR"}, "CNY", 2025, rates, here), Contains("none for this pair"));
}

TEST_CASE("the shipped rates have the Federal Reserve's average of 2025", "[economics]") {
    CHECK(convert({1, "USD"}, "CNY", 2025, find_exchange_rates(platforms), here).amount == Approx(7.1875));
}

TEST_CASE("cost is rent times chips times the time of the tokens, over all pools", "[economics]") {
    CostTerms const terms{.book = book_of(rent("x", "2 CNY/h") + rent("y", "1 USD/h")),
                          .rates = seven_yuan_a_dollar(),
                          .currency = "CNY",
                          .exchange_year = 2025,
                          .asked_at = here};
    // 1e9 tokens at 1e6 tokens in 7.2 s: 7,200 s = 2 h. 100 x at 2 CNY: 400 CNY; 10 y at 1 USD: 20 USD = 140 CNY
    auto const cost =
        cost_of_tokens(Tokens{1e9}, {Tokens{1e6}, Seconds{7.2}}, {{"x", 100}, {"y", 10}}, terms);
    CHECK(cost.time.value() == Approx(7200));
    CHECK(cost.chip_hours == Approx(220));
    CHECK(cost.cost.amount == Approx(540));
    CHECK(cost.cost.currency == "CNY");
    REQUIRE(cost.pools.size() == 2);
    CHECK(cost.pools[1].cost.amount == Approx(140));
    CHECK(cost.pools[1].rent == MoneyPerHour{1, "USD"});
    CHECK_THROWS_WITH(cost_of_tokens(Tokens{1}, {Tokens{1}, Seconds{1}}, {{"z", 1}}, terms),
                      Contains("no rent for chip z"));
}

TEST_CASE("DeepSeek-V3's pre-training costs the published 5.328 million dollars", "[economics]") {
    CostTerms const terms{.book = find_price_book(platforms, "deepseek_2024", here),
                          .rates = {},
                          .currency = "USD",
                          .exchange_year = 2024,
                          .asked_at = here};
    // arXiv 2412.19437, table 1: 2,664 thousand H800 hours for 14.8T tokens on 2,048 chips, 5.328 M USD
    Seconds const time{2664e3 / 2048 * 3600};
    auto const cost =
        cost_of_tokens(Tokens{14.8e12}, {Tokens{14.8e12}, time}, {{"nvidia_h800_sxm5", 2048}}, terms);
    CHECK(cost.cost.amount == Approx(5.328e6));
}

TEST_CASE("the date of a price is a date, or two", "[economics]") {
    auto const dated = [](std::string const& date) {
        (void)read_price_book(io::parse_toml(
            "id = \"b\"\nname = \"B\"\n[[rent]]\nchip = \"a\"\nplace = \"b\"\ndate = \"" + date +
                "\"\nprice = { value = \"1 CNY/h\", source = \"s\", confidence "
                "= \"estimate\" }\n",
            "b.toml"));
    };
    for (auto const* good : {"2025", "2025-07", "2025-07-01", "2023-2024", "2023-08 to 2023-11"}) {
        CHECK_NOTHROW(dated(good));
    }
    for (auto const* bad : {"October", "2026-99", "2024-2023", "2023-08 to soon", ""}) {
        CHECK_THROWS_WITH(
            dated(bad), Catch::Contains("b.toml:6:8: rent[0].date: \"" + std::string{bad} + "\" is no date"));
    }
}
