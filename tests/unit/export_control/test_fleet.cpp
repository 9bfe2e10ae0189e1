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
