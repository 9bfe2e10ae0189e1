#include "economics/training_bill.hpp"
#include "hardware/catalogue.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace moesaic;
using namespace moesaic::economics;
using Catch::Matchers::Contains;

namespace {

std::string const platforms = MOESAIC_SOURCE_DIR "/platforms";
Origin const here{"test.toml", 4, 1, "pools[0].chips"};

std::string fact(std::string const& value) {
    return "{ value = " + value + ", source = \"s\", confidence = \"estimate\" }\n";
}

/// 0.5 CNY/kWh, PUE 1.2, host half of the chips' power and a quarter of their price, network a fifth, five years.
Hosting hosting() {
    return read_hosting(
        io::parse_toml("id = \"h\"\nname = \"H\"\n[power]\nprice = " + fact("\"0.5 CNY/kWh\"") +
                           "pue = " + fact("1.2") + "host = " + fact("0.5") + "load_share = " + fact("0.8") +
                           "idle_share = " + fact("0.1") + "[purchase]\nhost = " + fact("0.25") +
                           "network = " + fact("0.2") + "lifetime_years = " + fact("5"),
                       "h.toml"));
}

PriceBook book(std::string const& text) {
    return read_price_book(io::parse_toml("id = \"b\"\nname = \"B\"\n" + text, "b.toml"));
}

std::string entry(std::string const& kind, std::string const& price) {
    return "[[" + kind + "]]\nchip = \"toy\"\nplace = \"here\"\ndate = \"2025\"\nprice = { value = \"" +
           price + "\", source = \"s\", confidence = \"press\" }\n";
}

/// 1,000 W of design power.
hardware::Chip toy() {
    hardware::Chip chip;
    chip.id = "toy";
    chip.power = {Watts{1000}, "s", hardware::Confidence::estimate, {}, {}};
    return chip;
}

Lot lot(Way way) {
    return {.chip = toy(),
            .chips = 10,
            .way = way,
            .price = {},
            .rent = {},
            .may_be_rented = false,
            .price_factor = 1.0,
            .origin = here};
}

BillTerms terms(std::vector<PriceBook> purchases, std::optional<PriceBook> rents = {}) {
    return {.hosting = hosting(),
            .purchases = std::move(purchases),
            .rents = std::move(rents),
            .rates = {},
            .currency = "CNY",
            .exchange_year = 2025,
            .asked_at = here};
}

/// A tenth of five years, half of it computing.
TrainingUse half_a_year() {
    return {.training = Seconds{0.5 * 365.25 * 86400},
            .waiting = Seconds{86400},
            .step_errors = {},
            .busy = {{"toy", 0.5}}};
}

Bill bill_with(Lot one, BillTerms const& t) {
    std::vector<Lot> lots{std::move(one)};
    return bill_of(lots, half_a_year(), t);
}

} // namespace

TEST_CASE("chips of one's own cost a part of their price and the power that they draw", "[economics]") {
    auto const bill = bill_with(lot(Way::bought), terms({book(entry("purchase", "1000 CNY"))}));
    // 10 chips x 1,000 x 1.25 host x 1.2 network = 15,000; a tenth of the lifetime
    CHECK(total(bill, Account::purchase) == Approx(15000));
    CHECK(total(bill, Account::use) == Approx(1500));
    // half of the time 800 W, half 100 W, always 400 W for the host: 850 W x 1.2 x 10 x 4,383 h = 44,706.6 kWh
    CHECK(total(bill, Total::energy) == Approx(44706.6));
    CHECK(total(bill, Account::power) == Approx(22353.3));
    CHECK(total(bill, Total::cost) == Approx(1500 + 22353.3));
    CHECK(total(bill, Total::outlay) == Approx(15000 + 22353.3));
    CHECK(total(bill, Total::time) == Approx(0.5 * 365.25 * 86400 + 86400));
}

TEST_CASE("a price that holds the server has no host added, and what is owned is not paid again",
          "[economics]") {
    auto const servers = book("purchases_include = \"server\"\n" + entry("purchase", "1000 CNY"));
    auto const bill = bill_with(lot(Way::owned), terms({servers}));
    CHECK(total(bill, Account::use) == Approx(1200)); // 10 x 1,000 x 1.2 / 10
    CHECK(total(bill, Account::purchase) == 0.0);
    CHECK_THROWS_WITH(book("purchases_include = \"rack\"\n"),
                      Contains("b.toml:3:") && Contains("\"rack\" is not known"));
}

TEST_CASE("the first book that knows the chip gives its price, duties come on top", "[economics]") {
    auto taxed = lot(Way::bought);
    taxed.price_factor = 1.25;
    auto const bill = bill_with(
        taxed, terms({book(""), book(entry("purchase", "1000 CNY")), book(entry("purchase", "9 CNY"))}));
    CHECK(total(bill, Account::purchase) == Approx(15000 * 1.25));
}

TEST_CASE("what may be rented is rented where that costs less", "[economics]") {
    auto either = lot(Way::bought);
    either.may_be_rented = true;
    std::vector<Lot> lots{either};
    auto const rent = [&](std::string const& price) {
        lots = {either};
        return bill_of(lots, half_a_year(),
                       terms({book(entry("purchase", "1000 CNY"))}, book(entry("rent", price))));
    };
    // 23,853 CNY over 43,830 chip-hours: 0.544 CNY/h
    auto const cheap = rent("0.5 CNY/h");
    CHECK(lots.front().way == Way::rented);
    CHECK(total(cheap, Total::cost) == Approx(0.5 * 43830));
    CHECK(total(cheap, Account::power) == 0.0);
    CHECK(total(cheap, Total::energy) == Approx(44706.6)); // drawn all the same
    (void)rent("0.6 CNY/h");
    CHECK(lots.front().way == Way::bought);
}

TEST_CASE("an unknown price, power or exchange rate is an error that names it", "[economics]") {
    CHECK_THROWS_WITH(bill_with(lot(Way::owned), terms({})),
                      Contains("test.toml:4:1: pools[0].chips: no price book") &&
                          Contains("purchase price for toy"));
    CHECK_THROWS_WITH(bill_with(lot(Way::rented), terms({})), Contains("has a rent for toy"));
    CHECK_THROWS_WITH(bill_with(lot(Way::owned), terms({book(entry("purchase", "1000 USD"))})),
                      Contains("no exchange rate from USD to CNY for 2025"));
    auto dark = lot(Way::owned);
    dark.chip.power.reset();
    CHECK_THROWS_WITH(bill_with(dark, terms({book(entry("purchase", "1 CNY"))})),
                      Contains("chip toy: power is not known"));
}

TEST_CASE("a figure of several sources has its value as the median", "[economics]") {
    Spread const spread{1.0, 2.0, 5.0};
    CHECK(quantile(spread, 0.0) == Approx(1.0));
    CHECK(quantile(spread, 0.5) == Approx(2.0));
    CHECK(quantile(spread, 1.0) == Approx(5.0));
    // above the value the density falls linearly: a quarter of that half lies beyond half of the way
    CHECK(quantile(spread, 0.5 + 0.5 * 0.75) == Approx(3.5));
    CHECK(quantile({3.0, 3.0, 5.0}, 0.3) == 3.0);
}

TEST_CASE("errors of one kind of timing go together, and what two bills share cancels in their difference",
          "[economics]") {
    auto bill = bill_with(lot(Way::bought), terms({book(entry("purchase", "1000 CNY"))}));
    bill.step_errors = {{"gemm", 0.1}};
    auto const time = interval_of(bill, Total::time, {.seed = 3, .count = 20000});
    // log-normal: 80 % within exp(+-1.2816 x 0.1) of half a year, and a day of waiting
    auto const year = bill.training.value();
    CHECK(time.low == Approx(year * std::exp(-0.12816) + 86400).epsilon(0.005));
    CHECK(time.high == Approx(year * std::exp(0.12816) + 86400).epsilon(0.005));

    auto twice = bill;
    for (auto& line : twice.lines) {
        line.amount *= 2.0;
    }
    auto const apart = difference(twice, bill, Total::cost);
    REQUIRE(apart);
    CHECK(apart->value == Approx(1.0));
    CHECK(apart->interval.low == Approx(1.0));
    CHECK(apart->interval.high == Approx(1.0));
    twice.step_errors = {{"attention", 0.1}};
    CHECK(difference(twice, bill, Total::cost)->interval.high > 1.2);
}

TEST_CASE("sources that disagree widen the interval of the cost", "[economics]") {
    auto const sure = entry("purchase", "1000 CNY");
    auto const unsure = std::string{
        "[[purchase]]\nchip = \"toy\"\nplace = \"here\"\ndate = \"2025\"\nprice = { value = \"1000 "
        "CNY\", source = \"s\", confidence = \"press\", alternatives = [{ value = \"3000 CNY\", "
        "source = \"t\", confidence = \"press\" }] }\n"};
    auto const interval = [&](std::string const& text) {
        return interval_of(bill_with(lot(Way::bought), terms({book(text)})), Total::outlay);
    };
    CHECK(interval(sure).low == Approx(interval(sure).high));
    CHECK(interval(unsure).high > 1.3 * interval(unsure).low);
}

TEST_CASE("the shipped hostings can be read", "[economics]") {
    auto const china = find_hosting(platforms, "china_2025", here);
    CHECK(china.pue.value >= 1.0);
    CHECK(spread_of(china.lifetime_years) == Spread{4, 5, 6});
    CHECK_THROWS_WITH(find_hosting(platforms, "china_2052", here),
                      Contains("no hosting is called") && Contains("china_2025"));
}

TEST_CASE("a place whose figures cannot be is refused, also where only another source says so",
          "[economics]") {
    auto const place = [](std::string const& price, std::string const& pue, std::string const& years) {
        return read_hosting(io::parse_toml(
            "id = \"h\"\nname = \"H\"\n[power]\nprice = " + price + "pue = " + pue + "host = " + fact("0.5") +
                "load_share = " + fact("0.8") + "idle_share = " + fact("0.1") + "[purchase]\nhost = " +
                fact("0.25") + "network = " + fact("0.2") + "lifetime_years = " + years,
            "h.toml"));
    };
    auto const or_else = [](std::string const& value, std::string const& other) {
        return "{ value = " + value +
               ", source = \"s\", confidence = \"estimate\", alternatives = [{ value = " + other +
               ", source = \"t\", confidence = \"estimate\" }] }\n";
    };
    auto const price = fact("\"0.5 CNY/kWh\"");
    CHECK(place(price, or_else("1.3", "1.1"), fact("5")).pue.alternatives.size() == 1);
    CHECK_THROWS_WITH(place(price, or_else("1.3", "0.9"), fact("5")),
                      Contains("power.pue") && Contains("1 or more"));
    CHECK_THROWS_WITH(place(price, fact("1.3"), or_else("5", "0.0")),
                      Contains("purchase.lifetime_years") && Contains("must be above zero"));
    CHECK_THROWS_WITH(place(fact("\"-1 CNY/kWh\""), fact("1.3"), fact("5")),
                      Contains("power.price") && Contains("must not be negative"));
    CHECK_THROWS_WITH(place(or_else("\"1 CNY/kWh\"", "\"-1 CNY/kWh\""), fact("1.3"), fact("5")),
                      Contains("power.price") && Contains("must not be negative"));
}

TEST_CASE("a price book without negative prices has none among other sources' either", "[economics]") {
    CHECK_THROWS_WITH(
        book("[[rent]]\nchip = \"toy\"\nplace = \"here\"\ndate = \"2025\"\nprice = { value = \"3 "
             "CNY/h\", source = \"s\", confidence = \"press\", alternatives = [{ value = \"-3 "
             "CNY/h\", source = \"t\", confidence = \"press\" }] }\n"),
        Contains("rent[0].price") && Contains("must not be negative"));
}

TEST_CASE("nothing is a share above what costs nothing", "[economics]") {
    auto const free = bill_with(lot(Way::owned), terms({book(entry("purchase", "0 CNY"))}));
    auto nothing = free;
    std::erase_if(nothing.lines, [](BillLine const& line) { return line.account == Account::power; });
    CHECK(total(nothing, Total::cost) == 0.0);
    CHECK_FALSE(difference(free, nothing, Total::cost));
    CHECK(difference(nothing, free, Total::cost)->value == -1.0);
}
