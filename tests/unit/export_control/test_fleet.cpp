#include "export_control/acquire.hpp"
#include "export_control/check_allowed.hpp"
#include "rules_for_tests.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::export_control;
using Catch::Matchers::Contains;

namespace {

Fleet fleet_of(std::string const& text) { return read_fleet(io::parse_toml(text, "f.toml").table("fleet")); }

std::string fleet_error(std::string const& text) {
    return error_of([&] { (void)fleet_of(text); });
}

Date day(std::string_view text) { return *parse_date(text); }

ChipUse use(std::string const& chip, int count) {
    return {.chip = chip_of(chip),
            .count = count,
            .owned_since = {},
            .rented_in = {},
            .origin = Origin{"s.toml", 7, 3, "pools[0].chip"}};
}

/// The problem of the only refusal, or how many there are.
std::string problem(std::vector<ChipUse> const& uses, Regime const& regime, Fleet const& fleet = {}) {
    auto const refusals = check_allowed(uses, regime, fleet);
    return refusals.size() == 1 ? refusals[0].problem : std::to_string(refusals.size()) + " refusals";
}

auto const lab = R"([fleet]
budget = "300e6 CNY"
share_for_this_job = 0.5
acquisition = "buy"
[[fleet.stock]]
chip = "nvidia_h800_sxm5"
count = 2000
owned_since = "2023-05-01"
[[fleet.supply]]
chip = "huawei_ascend_910b1"
per_quarter = 5000
from = "2024-01-01"
until = "2025-01-01"
price = "110e3 CNY"
[[fleet.rented]]
chip = "nvidia_h100_sxm5"
count = 512
place = "SG"
price = "2.5 USD/h"
[[fleet.licences]]
chip = "nvidia_h200_sxm"
quota = 4096
from = "2026-03-01"
)";

} // namespace

TEST_CASE("a fleet is read with its lists, budget and share", "[export_control]") {
    auto const fleet = fleet_of(lab);
    CHECK(fleet.budget == Money{300e6, "CNY"});
    CHECK(fleet.acquisition == Acquisition::buy);
    CHECK(fleet.share_for_this_job == 0.5);
    CHECK(fleet.stock.at(0).owned_since == day("2023-05-01"));
    CHECK(fleet.supply.at(0).price == Money{110e3, "CNY"});
    CHECK(fleet.rented.at(0).place == "SG");
    CHECK(fleet.licences.at(0).quota == 4096);
}

TEST_CASE("a fleet that contradicts itself is refused", "[export_control]") {
    CHECK_THAT(fleet_error("[fleet]\nshare_for_this_job = 0.0"),
               Contains("f.toml:2:22: fleet.share_for_this_job: 0 is no share"));
    CHECK_THAT(fleet_error("[fleet]\nbudget = 3"), Contains("needs a unit"));
    CHECK_THAT(fleet_error("[fleet]\nbudget = \"-3 CNY\""), Contains("must not be negative"));
    CHECK_THAT(fleet_error("[fleet]\nacquisition = \"steal\""), Contains("no way to acquire \"steal\""));
    CHECK_THAT(fleet_error("[[fleet.stock]]\nchip = \"a\"\ncount = 0\nowned_since = \"2023-05-01\""),
               Contains("fleet.stock[0].count: 0 is not allowed"));
    CHECK_THAT(
        fleet_error(
            "[[fleet.supply]]\nchip = \"a\"\nper_quarter = 1\nfrom = \"2024-01-01\"\nuntil = \"2023-01-01\""),
        Contains("ends on 2023-01-01, not after its beginning on 2024-01-01"));
    CHECK_THAT(fleet_error("[[fleet.rented]]\nchip = \"a\"\ncount = 1\nplace = \"Singapore\""),
               Contains("is no country"));
    CHECK_THAT(
        fleet_error("[[fleet.stock]]\nchip = \"a\"\ncount = 1\nowned_since = \"2023-05-01\"\ncolour = 1"),
        Contains("fleet.stock[0].colour: is not a known key"));
}

TEST_CASE("a supply without end adds up to more chips than fit a short number", "[export_control]") {
    auto const fleet =
        fleet_of("[fleet]\nshare_for_this_job = 0.5\n[[fleet.supply]]\nchip = \"nvidia_a100_sxm4_80\"\n"
                 "per_quarter = 100000000\nfrom = \"2020-01-01\"");
    // 2020-04-01 to 2027-07-01: 30 quarters
    CHECK(owned(fleet, "nvidia_a100_sxm4_80", day("2027-07-01")) == 3'000'000'000);
    CHECK(for_this_job(fleet, 3'000'000'000) == 1'500'000'000);
    // no rule forbids the chip in Singapore, and the supply says what the market has
    auto const endless =
        fleet_of("[[fleet.supply]]\nchip = \"nvidia_a100_sxm4_80\"\nper_quarter = 100000000\n"
                 "from = \"2020-01-01\"");
    CHECK(problem({use("nvidia_a100_sxm4_80", 1000)}, regime_on("2027-07-01", "SG"), endless) ==
          "0 refusals");
    auto const lots = acquire({use("nvidia_a100_sxm4_80", 1000)}, regime_on("2027-07-01", "SG"), endless);
    REQUIRE(lots.size() == 1);
    CHECK(iso_text(lots[0].day.value()) == "2021-01-01"); // the first after its launch in November 2020
}

TEST_CASE("supply arrives at the end of each quarter, as long as it lasts", "[export_control]") {
    auto const fleet = fleet_of(lab);
    auto const ascend = [&](std::string_view date) { return owned(fleet, "huawei_ascend_910b1", day(date)); };
    CHECK(ascend("2024-03-31") == 0);
    CHECK(ascend("2024-04-01") == 5000);
    CHECK(ascend("2024-10-15") == 15000);
    CHECK(ascend("2026-01-01") == 20000); // four quarters, then it ends
    CHECK(owned(fleet, "nvidia_h800_sxm5", day("2023-04-30")) == 0);
    CHECK(owned(fleet, "nvidia_h800_sxm5", day("2023-05-01")) == 2000);
    Supply const odd{.chip = "x",
                     .per_quarter = 1,
                     .from = day("2023-11-30"),
                     .until = {},
                     .price = {},
                     .note = {},
                     .origin = {}};
    CHECK(deliveries(odd, day("2024-06-01")) == std::vector{day("2024-02-29"), day("2024-05-30")});
    CHECK(licence_quota(fleet, "nvidia_h200_sxm", day("2026-02-28")) == 0);
    CHECK(licence_quota(fleet, "nvidia_h200_sxm", day("2026-03-01")) == 4096);
}

TEST_CASE("a chip that the regime forbids is refused with rule, predicate and figure", "[export_control]") {
    auto const refusals = check_allowed({use("nvidia_h20", 8)}, regime_on("2025-05-01"), {});
    REQUIRE(refusals.size() == 1);
    CHECK(refusals[0].problem ==
          "nvidia_h20 cannot be had in CN on 2025-05-01: licence required (us_2025_04_letters: US "
          "origin and memory bandwidth 4 TB/s is at least 1400 GB/s)");
    CHECK(refusals[0].origin.line == 7);
    CHECK_THAT(refusals[0].hint, Contains("owned_since") && Contains("rented_in"));
    CHECK(problem({use("nvidia_h20", 8)}, regime_on("2025-04-08")) == "0 refusals");
    CHECK(problem({use("nvidia_rtx_4090", 8)}, regime_on("2024-06-01")) == "0 refusals"); // after notice
    CHECK_THAT(problem({use("amd_mi308x", 8)}, regime_on("2024-06-01")),
               Contains("undecided, since performance_density, tpp are not known"));
}

TEST_CASE("owned_since excuses what could be bought on that day, and nothing else", "[export_control]") {
    auto const regime = regime_on("2025-05-01");
    auto h800 = use("nvidia_h800_sxm5", 2048);
    h800.owned_since = day("2023-05-01");
    CHECK(problem({h800}, regime) == "0 refusals");
    h800.owned_since = day("2024-01-01");
    CHECK_THAT(problem({h800}, regime),
               Contains("cannot be had in CN on 2024-01-01: licence required, presumption of denial") &&
                   Contains("us_2023_10_3a090a") && Contains("TPP 15840 is at least 4800"));
    h800.owned_since = day("2025-06-01");
    CHECK_THAT(problem({h800}, regime), Contains("owned_since 2025-06-01 is later"));
}

TEST_CASE("rented_in excuses what may stand in another country", "[export_control]") {
    auto const regime = regime_on("2025-05-01");
    auto h100 = use("nvidia_h100_sxm5", 512);
    h100.rented_in = "SG";
    CHECK(problem({h100}, regime) == "0 refusals");
    CHECK(problem({h100}, regime, fleet_of(lab)) == "0 refusals");
    h100.count = 513;
    CHECK(problem({h100}, regime, fleet_of(lab)) == "512 chips are rented in SG, but 513 are needed");
    h100.rented_in = "IR";
    CHECK_THAT(problem({h100}, regime), Contains("cannot be had in IR"));
    h100.rented_in = "CN";
    CHECK_THAT(problem({h100}, regime), Contains("is where the regime applies"));
}

TEST_CASE("the fleet's stock, supply and licences cover what they hold, over all pools of a chip",
          "[export_control]") {
    auto const fleet = fleet_of(lab);
    auto const regime = regime_on("2025-05-01");
    // half of 2000 H800 are for this job
    CHECK(problem({use("nvidia_h800_sxm5", 600), use("nvidia_h800_sxm5", 400)}, regime, fleet) ==
          "0 refusals");
    CHECK_THAT(problem({use("nvidia_h800_sxm5", 600), use("nvidia_h800_sxm5", 401)}, regime, fleet),
               Contains("past supply cover 1000 and its licences 0 of the 1001 needed"));
    // half of 20000 Ascend
    CHECK(problem({use("huawei_ascend_910b1", 10000)}, regime, fleet) == "0 refusals");
    CHECK(problem({use("huawei_ascend_910b1", 10001)}, regime, fleet) ==
          "10001 of huawei_ascend_910b1 are needed, but the fleet has 10000 for this job on 2025-05-01");
    CHECK(problem({use("nvidia_h200_sxm", 4096)}, regime_on("2026-04-01"), fleet) == "0 refusals");
    CHECK_THAT(problem({use("nvidia_h200_sxm", 4097)}, regime_on("2026-04-01"), fleet),
               Contains("case by case"));
}

TEST_CASE("supply of a chip counts while it could be had", "[export_control]") {
    // 100 H20 a quarter from 2024-10-01: deliveries on 2025-01-01 and 2025-04-01, none after the letters of 04-09
    auto const fleet =
        fleet_of("[[fleet.supply]]\nchip = \"nvidia_h20\"\nper_quarter = 100\nfrom = \"2024-10-01\"");
    CHECK(problem({use("nvidia_h20", 200)}, regime_on("2025-08-01"), fleet) == "0 refusals");
    CHECK_THAT(problem({use("nvidia_h20", 201)}, regime_on("2025-08-01"), fleet),
               Contains("cover 200 and its licences 0 of the 201 needed"));
}

TEST_CASE("the market adds to a stock, and has no more than a supply that is listed", "[export_control]") {
    std::string const stock =
        "[[fleet.stock]]\nchip = \"nvidia_h20\"\ncount = 512\nowned_since = \"2024-06-01\"\n";
    std::string const supply =
        "[[fleet.supply]]\nchip = \"nvidia_h20\"\nper_quarter = 256\nfrom = \"2024-11-01\"\n";
    auto const before = regime_on("2025-03-01");
    CHECK(problem({use("nvidia_h20", 1024)}, before, fleet_of(stock)) == "0 refusals");
    CHECK(problem({use("nvidia_h20", 768)}, before, fleet_of(stock + supply)) == "0 refusals");
    CHECK_THAT(problem({use("nvidia_h20", 769)}, before, fleet_of(stock + supply)),
               Contains("769 of nvidia_h20 are needed, but the fleet has 768"));
    auto const lots = acquire({use("nvidia_h20", 1024)}, before, fleet_of(stock));
    REQUIRE(lots.size() == 2);
    CHECK(lots[0].lot.way == economics::Way::owned);
    CHECK(lots[0].lot.chips == 512);
    CHECK(lots[1].lot.way == economics::Way::bought);
    CHECK(lots[1].day == day("2025-03-01"));
    CHECK_THAT(problem({use("nvidia_h20", 1024)}, regime_on("2025-05-01"), fleet_of(stock)),
               Contains("cover 512 and its licences 0 of the 1024 needed"));
}

TEST_CASE("chips come from the stock before deliveries, whatever their days", "[export_control]") {
    auto const fleet =
        fleet_of("[[fleet.supply]]\nchip = \"nvidia_h20\"\nper_quarter = 100\nfrom = \"2024-03-01\"\n"
                 "[[fleet.stock]]\nchip = \"nvidia_h20\"\ncount = 100\nowned_since = \"2025-01-01\"\n");
    auto const lots = acquire({use("nvidia_h20", 150)}, regime_on("2025-03-01"), fleet);
    REQUIRE(lots.size() == 2);
    CHECK(lots[0].lot.way == economics::Way::owned);
    CHECK(lots[1].day == day("2024-06-01"));
}

TEST_CASE("a stock of before its chip was launched is refused, and is no stock", "[export_control]") {
    auto const look_up = [](std::string const& id, Origin const& at) {
        return hardware::Catalogue{source_folder() + "/platforms"}.chip(id, at);
    };
    auto const early =
        fleet_of("[[fleet.stock]]\nchip = \"nvidia_h800_sxm5\"\ncount = 8\nowned_since = \"2022-05-01\"\n");
    CHECK_THAT(error_of([&] { check_chips_of(early, look_up); }),
               Contains("f.toml:4:15: fleet.stock[0].owned_since: nvidia_h800_sxm5 cannot be owned since "
                        "2022-05-01: it was launched only"));
    CHECK(problem({use("nvidia_h800_sxm5", 8)}, regime_on("2025-05-01"), early) != "0 refusals");
    CHECK(error_of([&] { check_chips_of(fleet_of(lab), look_up); }) == "no error");
}

TEST_CASE("a fleet's chips are those of the catalogue", "[export_control]") {
    auto const look_up = [](std::string const& id, Origin const& at) {
        return hardware::Catalogue{source_folder() + "/platforms"}.chip(id, at);
    };
    for (std::string const list :
         {"stock]]\ncount = 1\nowned_since = \"2023-05-01\"",
          "supply]]\nper_quarter = 1\nfrom = \"2023-05-01\"", "rented]]\ncount = 1\nplace = \"SG\"",
          "licences]]\nquota = 1\nfrom = \"2023-05-01\""}) {
        INFO(list);
        auto const fleet = fleet_of("[[fleet." + list + "\nchip = \"nvidia_h800_smx5\"\n");
        CHECK_THAT(error_of([&] { check_chips_of(fleet, look_up); }),
                   Contains("[0].chip") && Contains("nvidia_h800_sxm5"));
    }
}

TEST_CASE("a fleet's prices are not negative", "[export_control]") {
    std::string const price = "\nchip = \"nvidia_h20\"\nprice = \"-1 CNY";
    CHECK_THAT(fleet_error("[[fleet.stock]]\ncount = 1\nowned_since = \"2024-06-01\"" + price + "\""),
               Contains("fleet.stock[0].price: must not be negative"));
    CHECK_THAT(fleet_error("[[fleet.supply]]\nper_quarter = 1\nfrom = \"2024-06-01\"" + price + "\""),
               Contains("fleet.supply[0].price: must not be negative"));
    CHECK_THAT(fleet_error("[[fleet.rented]]\ncount = 1\nplace = \"SG\"" + price + "/h\""),
               Contains("fleet.rented[0].price: must not be negative"));
}

TEST_CASE("an offer is what can be had of each use, with the reason where it is less", "[export_control]") {
    auto const fleet = fleet_of(lab);
    auto const given = offer({use("nvidia_h800_sxm5", 600), use("nvidia_h800_sxm5", 600),
                              use("huawei_ascend_910b1", 64), use("nvidia_h20", 64)},
                             regime_on("2025-05-01"), fleet);
    CHECK(given.chips == std::vector{600, 400, 64, 0}); // half of 2000 are for this job
    CHECK(given.reasons[0].empty());
    CHECK_THAT(given.reasons[1], Contains("us_2023_10_3a090a"));
    CHECK(given.reasons[2].empty());
    CHECK_THAT(given.reasons[3], Contains("us_2025_04_letters"));
}

TEST_CASE("pools of one chip that are rented at one place share what is rented there", "[export_control]") {
    auto h100 = use("nvidia_h100_sxm5", 300);
    h100.rented_in = "SG";
    CHECK(problem({h100, h100}, regime_on("2025-05-01"), fleet_of(lab)) ==
          "512 chips are rented in SG, but 600 are needed");
}

TEST_CASE("a pool that is owned since a day takes the price of the fleet's stock of that day",
          "[export_control]") {
    auto a800 = use("nvidia_a800_sxm4_80", 64);
    a800.owned_since = day("2023-03-01");
    auto const fleet = fleet_of("[[fleet.stock]]\nchip = \"nvidia_a800_sxm4_80\"\ncount = 64\n"
                                "owned_since = \"2023-03-01\"\nprice = \"90000 CNY\"\n");
    CHECK(acquire({a800}, regime_on("2025-03-01"), fleet).at(0).lot.price == Money{90000, "CNY"});
    a800.owned_since = day("2023-04-01");
    CHECK_FALSE(acquire({a800}, regime_on("2025-03-01"), fleet).at(0).lot.price);
}
