#include "io/csv.hpp"
#include "io/text_file.hpp"
#include "run_program.hpp"
#include "temporary_file.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace moesaic;
using Catch::Matchers::Contains;

namespace {

/// Keys of [common] that keep a search short.
std::string const narrow_search =
    R"(search = { tensor = [1], micro_batch = [1], zero = ["optimizer"], schedule = ["1f1b"], recompute = ["full"] }
)";
std::string const searched_h20 = R"([[candidates]]
name = "H20"
scenario = ")" MOESAIC_SOURCE_DIR R"(/scenarios/tutorial/01-one-node.toml"
plan = "search"
chips = [64]
set = { "pools[0].cluster" = "h20_4096" }
)";

std::string const common = R"([common]
regime = { date = "2025-03-01", destination = "CN" }
fleet = { budget = "3e6 CNY", acquisition = "buy" }
economics = { hosting = "china_2025", purchases = ["china_2025"] }
)";

/// Ling-Lite on 16 or 32 H20 of March 2025, or under the letters of April; 3 M CNY.
std::string const study = "name = \"small\"\n" + common + R"([[cases]]
name = "before"
[[cases]]
name = "after"
set = { "regime.date" = "2025-04-15" }
[[cases]]
name = "prices of 2026"
set = { "economics.purchases" = ["china_2026"] }
[[candidates]]
name = "{} H20"
scenario = ")" MOESAIC_SOURCE_DIR R"(/scenarios/tutorial/01-one-node.toml"
each = { "pools[0].chips" = [8, 16, 32] }
set = { "pools[0].cluster" = "h20_4096" }
)";

struct Files {
    TemporaryFile study_file{"study.toml"};
    TemporaryFile csv{"study.csv"};
    TemporaryFile plot{"study.vl.json"};
    Files() { io::write_text_file(study_file.path, study); }
};

} // namespace

TEST_CASE("whatif gives the cheapest and the fastest of each case, and what cannot be done", "[cli]") {
    Files const files;
    auto const ran = run_program("whatif " + files.study_file.path + " --json --csv " + files.csv.path +
                                 " --plot " + files.plot.path);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    auto const json = nlohmann::json::parse(ran.out);
    REQUIRE(json["best"].size() == 4); // two objectives in each of the two cases that leave something
    CHECK(json["best"][0]["case"] == "before");
    CHECK(json["best"][0]["best"] == "cheapest");
    CHECK(json["best"][1]["candidate"] == "16 H20");
    for (auto const& row : json["best"]) {
        for (auto const* figure : {"cost", "days", "energy_kwh"}) {
            CHECK(row[figure]["value"] > 0.0);
            CHECK(row[figure]["interval_80"][0] < row[figure]["interval_80"][1]);
        }
    }
    // 11,000 USD against 110,000 CNY, and the same training: only money differs
    auto const& later = json["best"][2];
    CHECK(later["case"] == "prices of 2026");
    CHECK(later["days_change_fraction"]["value"] == 0.0);
    CHECK(later["cost_change_fraction"]["value"] < 0.0);
    // 8 + 16 of three under the letters; 32 are over the budget in both other cases
    CHECK(json["refused"].size() == 3 + 2);
    CHECK_THAT(std::string{json["refused"][1]["reason"]}, Contains("us_2025_04_letters"));

    auto const csv = io::read_text_file(files.csv.path);
    CHECK(std::ranges::count(csv, '\n') == 1 + 9);
    auto const plot = nlohmann::json::parse(io::read_text_file(files.plot.path));
    CHECK(plot["data"]["values"].size() == 3 * 4);
}

TEST_CASE("whatif on the screen names the baseline and the cases that leave nothing", "[cli]") {
    Files const files;
    auto const ran = run_program("whatif " + files.study_file.path);
    REQUIRE(ran.exit_code == 0);
    CHECK_THAT(ran.out, Contains("Baseline: before") && Contains("after: none of the plans can be done"));
    CHECK_THAT(ran.out, Contains("M CNY go out until the training ends, more than the budget of 3 M CNY"));
}

TEST_CASE("whatif refuses a study that is wrong", "[cli]") {
    CHECK(run_program("whatif /nowhere.toml").exit_code == 2);
}

TEST_CASE("whatif searches the plan and the number of chips that the budget buys", "[cli]") {
    TemporaryFile const file{"study.toml"};
    // an H20 costs 110,000 CNY and its part of host and network: 3 M CNY buy at most 27, which is three nodes
    io::write_text_file(file.path, "name = \"searched\"\n" + common + narrow_search + R"([[cases]]
name = "H20 allowed"
[[cases]]
name = "not allowed"
set = { "regime.date" = "2025-04-15" }
)" + searched_h20);
    auto const ran = run_program("whatif " + file.path + " --json");
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    auto const json = nlohmann::json::parse(ran.out);
    REQUIRE(json["best"].size() == 2);
    CHECK(json["best"][0]["cost"]["value"] <= json["best"][1]["cost"]["value"]);
    CHECK(json["best"][1]["days"]["value"] <= json["best"][0]["days"]["value"]);
    bool uses_most = false;
    for (auto const& option : json["options"]) {
        CHECK(option["outlay"]["value"] <= 3e6);
        CHECK(option["spending"]["chips"][0]["chips"] <= 24);
        uses_most = uses_most || option["spending"]["chips"][0]["chips"] >= 16;
        CHECK_THAT(option["searched_plan"].get<std::string>(), Contains("[parallel]"));
    }
    CHECK(uses_most);
    REQUIRE(json["refused"].size() >= 1);
    CHECK_THAT(json["refused"].back()["reason"].get<std::string>(), Contains("us_2025_04_letters"));
}

TEST_CASE("two kinds of chips that are bought together share the budget of a search", "[cli]") {
    TemporaryFile const file{"study.toml"};
    // 6 M CNY buy 54 H20 or 49 Ascend 910B2 at most, without host, network and power: six nodes, not six of each
    io::write_text_file(file.path, R"(name = "shared"
[common]
regime = { date = "2025-03-01", destination = "CN" }
fleet = { budget = "6e6 CNY", acquisition = "buy" }
economics = { hosting = "china_2025", purchases = ["china_2025", "china_2023_2024"] }
prices = "ling_2025"
search = { tensor = [1], expert = [8], micro_batch = [1], zero = ["optimizer"], schedule = ["1f1b"], overlap_exchange = false, recompute = ["full"], pools = ["replicas"] }
[[cases]]
name = "now"
[[candidates]]
name = "both"
scenario = ")" MOESAIC_SOURCE_DIR R"(/scenarios/tutorial/04-replicas-on-two-pools.toml"
plan = "search"
chips = [64, 64]
set = { "pools[0].cluster" = "h20_4096", "training.tokens" = "0.1 Ttokens" }
)");
    auto const ran = run_program("whatif " + file.path + " --json");
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    auto const json = nlohmann::json::parse(ran.out);
    REQUIRE(json["options"].size() >= 2);
    CHECK(json["refused"].empty()); // no plan was found that cannot be paid for
    int most = 0;
    for (auto const& option : json["options"]) {
        CHECK(option["outlay"]["value"] <= 6e6);
        auto const& chips = option["spending"]["chips"];
        REQUIRE(chips.size() == 2);
        most = std::max(most, chips[0]["chips"].get<int>() + chips[1]["chips"].get<int>());
    }
    CHECK(most >= 32); // and the money is used
    CHECK(most <= 48);
}

TEST_CASE("whatif searches with the chips that there are, and says what it did without", "[cli]") {
    TemporaryFile const file{"study.toml"};
    TemporaryFile const csv{"study.csv"};
    // 16 H20 come on 2025-03-01, before the letters; without them nothing can be had after
    io::write_text_file(file.path, "name = \"short\"\n" + common + narrow_search + R"([[cases]]
name = "after"
set = { "regime.date" = "2025-04-15", "fleet.supply" = [{ chip = "nvidia_h20", per_quarter = 16, from = "2024-12-01" }] }
[[cases]]
name = "none"
set = { "regime.date" = "2025-04-15" }
)" + searched_h20);
    auto const ran = run_program("whatif " + file.path + " --json --csv " + csv.path);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    auto const json = nlohmann::json::parse(ran.out);
    REQUIRE(json["options"].size() >= 1);
    for (auto const& option : json["options"]) {
        CHECK(option["spending"]["chips"][0]["chips"] <= 16);
    }
    REQUIRE(json["fewer_chips"].size() == 1);
    CHECK(json["fewer_chips"][0]["case"] == "after");
    CHECK_THAT(json["fewer_chips"][0]["reason"].get<std::string>(), Contains("16 of 64 nvidia_h20"));
    auto const table = io::read_text_file(csv.path);
    CHECK_THAT(table, Contains(",cost_change_high,fewer_chips\n") && Contains(",16 of 64 nvidia_h20"));
    auto const screen = run_program("whatif " + file.path);
    CHECK_THAT(screen.out, Contains("Searched with fewer chips than asked for:") && Contains("[after]") &&
                               Contains("[none]"));
}

TEST_CASE("whatif refuses trainings that take more than the study's days", "[cli]") {
    TemporaryFile const file{"study.toml"};
    io::write_text_file(file.path, "days = 0.5\n" + study);
    auto const ran = run_program("whatif " + file.path);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    CHECK_THAT(ran.out, Contains("days, more than the 0.5 of the study"));
}

TEST_CASE("whatif without a baseline that can be done compares with nothing, and says so", "[cli]") {
    TemporaryFile const file{"study.toml"};
    TemporaryFile const csv{"study.csv"};
    io::write_text_file(file.path, "baseline = \"after\"\n" + study);
    auto const ran = run_program("whatif " + file.path + " --csv " + csv.path);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    CHECK_THAT(ran.out, Contains("Baseline: after, in which nothing can be done"));
    auto const changes = [&](std::string const& path) {
        std::vector<std::string> out;
        io::read_csv(path, {"case", "cost", "cost_change", "cost_change_low", "cost_change_high"},
                     [&](io::CsvRow const& row) {
                         if (!row.fields[1].empty()) {
                             out.push_back(std::string{row.fields[2]} + "|" + std::string{row.fields[3]} +
                                           "|" + std::string{row.fields[4]});
                         }
                     });
        return out;
    };
    auto const none = changes(csv.path);
    REQUIRE(none.size() == 4); // two of three plans in each of the two cases that leave something
    CHECK(std::ranges::count(none, "||") == 4);
    io::write_text_file(file.path, study);
    REQUIRE(run_program("whatif " + file.path + " --csv " + csv.path).exit_code == 0);
    CHECK(std::ranges::count(changes(csv.path), "||") == 1); // the baseline itself
}
