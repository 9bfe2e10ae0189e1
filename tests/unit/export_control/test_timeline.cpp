#include "export_control/timeline.hpp"
#include "rules_for_tests.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::export_control;
using Catch::Matchers::Contains;

TEST_CASE("the rules for China change on the days on which one begins or ends", "[export_control]") {
    auto const changes = regime_changes(regime_on("2025-01-01"));
    std::vector<std::string> days;
    for (auto const& change : changes) {
        days.push_back(iso_text(change.from));
    }
    CHECK(days == std::vector<std::string>{"2022-08-26", "2022-10-07", "2023-10-23", "2023-11-17",
                                           "2024-12-02", "2025-04-09", "2025-05-13", "2025-08-11",
                                           "2025-11-06", "2026-01-15"});
    CHECK(changes[1].begins == std::vector<std::string>{"us_2022_10_3a090"});
    CHECK(changes[1].ends == std::vector<std::string>{"us_2022_08_letters"});
    auto const macau = regime_changes(regime_on("2025-01-01", "MO"));
    CHECK(iso_text(macau.front().from) == "2023-01-18"); // the reach of the October rule names the day
}

TEST_CASE("a day that ends the reach of a rule is told on the day after it", "[export_control]") {
    auto regime = regime_on("2025-01-01");
    auto const rule = [](std::string const& id, std::string const& reach) {
        return "[[add]]\nid = \"" + id +
               "\"\ntitle = \"t\"\njurisdiction = \"US\"\nin_force = [{ from = \"2024-01-01\" }]\n"
               "reach = \"" +
               reach +
               "\"\npredicate = \"tpp >= 1\"\noutcome = \"prohibited\"\n"
               "source = \"s\"\nconfidence = \"estimate\"\n";
    };
    apply_what_if(regime, io::parse_toml(rule("until_june", "date <= 2025-06-29") +
                                             rule("from_july", "date > 2025-07-03") +
                                             rule("one_day", "date == 2025-09-12"),
                                         "w.toml"));
    auto const told = [&](std::string const& day) {
        for (auto const& change : regime_changes(regime)) {
            if (iso_text(change.from) == day) {
                return std::pair{change.begins, change.ends};
            }
        }
        return std::pair<std::vector<std::string>, std::vector<std::string>>{};
    };
    CHECK(told("2025-06-30").second == std::vector<std::string>{"until_june"});
    CHECK(told("2025-07-04").first == std::vector<std::string>{"from_july"});
    CHECK(told("2025-09-12").first == std::vector<std::string>{"one_day"});
    CHECK(told("2025-09-13").second == std::vector<std::string>{"one_day"});
}

TEST_CASE("a timeline gives each chip's status between the changes", "[export_control]") {
    auto const timeline =
        make_timeline({chip_of("nvidia_h800_sxm5"), chip_of("nvidia_h20")}, regime_on("2025-01-01"));
    REQUIRE(timeline.rows.size() == 2);
    REQUIRE(timeline.rows[0].verdicts.size() == timeline.changes.size() + 1);
    std::vector<std::string> h20;
    for (auto const& verdict : timeline.rows[1].verdicts) {
        h20.emplace_back(outcome_name(verdict.outcome));
    }
    CHECK(h20 == std::vector<std::string>{"allowed", "allowed", "allowed", "allowed", "allowed", "allowed",
                                          "licence_required", "licence_required", "licensed", "licensed",
                                          "licensed"});
}

TEST_CASE("the timeline's drawing has a row per chip and no unescaped text", "[export_control]") {
    auto const timeline =
        make_timeline({chip_of("nvidia_h800_sxm5"), chip_of("nvidia_h20")}, regime_on("2025-01-01"));
    auto const svg = timeline_svg(timeline, "a < b & \"c\"");
    CHECK(svg.starts_with("<svg xmlns="));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK_THAT(svg, Contains("a &lt; b &amp; &quot;c&quot;") && Contains(">nvidia_h20</text>") &&
                        Contains("nvidia_h800_sxm5: presumption_of_denial (us_2023_10_3a090a)"));
    CHECK(svg == timeline_svg(timeline, "a < b & \"c\""));
}

TEST_CASE("the drawing of a hypothetical timeline says what makes it one", "[export_control]") {
    auto const timeline = make_timeline({chip_of("nvidia_h20")}, regime_on("2025-01-01"));
    CHECK_THAT(timeline_svg(timeline, "t", {"us_2025_04_letters: removed", "cap: a < b"}),
               Contains("A hypothetical world: us_2025_04_letters: removed") && Contains("cap: a &lt; b"));
    CHECK_THAT(timeline_svg(timeline, "t"), !Contains("hypothetical"));
}

TEST_CASE("the last change of the rules is one day, whatever the deal", "[export_control]") {
    CHECK(iso_text(last_change(published_rules())) == "2026-01-15");
}
