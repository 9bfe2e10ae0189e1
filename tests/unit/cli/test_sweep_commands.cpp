#include "small_sweep.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace moesaic;
using nlohmann::json;

namespace {

/// 2 x 2 points, of which expert degree 7 fails twice.
std::string const two_by_two = R"(
[[axes]]
name = "nic"
path = "pools[0].nic_bandwidth"
values = ["25 GB/s", "50 GB/s"]
[[axes]]
path = "parallel.expert"
values = [8, 7]
)";

} // namespace

TEST_CASE("sweep simulates, export writes the tables, analyze reads them", "[cli]") {
    SmallSweep const sweep{two_by_two};
    auto const ran = sweep.run("sweep", "--json --no-cache -j 2");
    CHECK(ran.exit_code == 1); // two points failed
    auto const told = json::parse(ran.out);
    CHECK((told["points"] == 4 && told["ok"] == 2 && told["failed"] == 2));
    CHECK(told["best"]["metric"] == "mfu");
    REQUIRE(told["failures"].size() == 1); // both for the same reason
    CHECK((told["failures"][0]["points"] == 2 && told["failures"][0]["first_point"] == 1));
    CHECK_THAT(sweep.run("sweep", "--no-cache").out,
               Catch::Contains("failed    2 points, as point 1 (nic 25 GB/s, parallel.expert 7): ") &&
                   Catch::Contains("expert degree 7"));

    auto const table = run_program("export " + sweep.output + " --csv -").out;
    CHECK_THAT(table, Catch::StartsWith("point,nic [GB/s],parallel.expert,fits,step_time_s [s],"));
    CHECK_THAT(table, Catch::Contains("\n0,25,8,1,") && Catch::Contains("\n2,50,8,1,"));
    CHECK(std::ranges::count(table, '\n') == 3);
    auto const failures = run_program("export " + sweep.output + " --failures --csv -").out;
    CHECK_THAT(failures, Catch::StartsWith("point,nic [GB/s],parallel.expert,kind,message\n1,25,7,input,"));

    auto const analyzed = json::parse(
        run_program("analyze " + sweep.output + " --json --lowest step_time_s --highest mfu").out);
    auto const& mfu = analyzed["metrics"][0];
    CHECK((mfu["metric"] == "mfu" && mfu["points"] == 2));
    CHECK(mfu["highest"]["value"] == told["best"]["value"]);
    CHECK(mfu["sensitivity"]["reason"] == "2 of 4 points have no value, and a grid needs all");
    CHECK(analyzed["pareto_front"][0]["axes"]["parallel.expert"] == 8);
    auto const wrong = run_program("analyze " + sweep.output + " --metric mfuu");
    CHECK(wrong.exit_code == 2);
    CHECK_THAT(wrong.err, Catch::Contains("Did you mean mfu"));
}

TEST_CASE("a sweep says how many of its points have no value of the goal", "[cli]") {
    SmallSweep const sweep{R"(
[[axes]]
path = "parallel.memory_reserve"
values = ["4 GiB", "90 GiB"]
)"};
    auto const ran = sweep.run("sweep", "--no-cache");
    CHECK(ran.exit_code == 0); // a plan that does not fit is a result
    CHECK_THAT(ran.out, Catch::Contains("without   1 of 2 points have no mfu (columns fits and misfit"));
    CHECK(json::parse(sweep.run("sweep", "--no-cache --json").out)["without_goal"] == 1);
}

TEST_CASE("progress is told in lines, in JSON or not at all", "[cli]") {
    SmallSweep const sweep{two_by_two};
    auto const told = sweep.run("sweep", "--no-cache --progress=json").err;
    auto const last = json::parse(told.substr(told.rfind('\n', told.size() - 2) + 1));
    CHECK((last["points"] == 4 && last["done"] == 4 && last["failed"] == 2 && last["cached"] == 0));
    CHECK((last["time_left_s"] == 0 && last["points_per_minute"] > 0 && last["best"]["metric"] == "mfu"));
    auto const lines = sweep.run("sweep", "--no-cache").err; // no terminal
    CHECK_THAT(lines, Catch::StartsWith("4/4 points, 2 failed") && Catch::Contains(", best mfu 0."));
    CHECK(sweep.run("sweep", "--no-cache --quiet").err.empty());
}

TEST_CASE("shards, workers that are told their points, and one sweep give the same bytes", "[cli]") {
    SmallSweep const sweep{two_by_two};
    auto const whole = sweep.whole();
    CHECK(sweep.run("sweep", "-q --no-cache --shard 2/3").exit_code == 1); // point 1
    auto const pending = sweep.run("sweep-worker", "--pending");
    CHECK(pending.out == "0\n2\n3\n");
    auto const partly = sweep.run("merge", "--json");
    CHECK(partly.exit_code == 1);
    CHECK((json::parse(partly.out)["missing"] == 3 && json::parse(partly.out)["failed"] == 1));

    auto const worked =
        sweep.run("sweep-worker", "--no-cache --journal rank-1" + sweep.stdin_of("3\n0\n2\n"));
    CHECK(worked.exit_code == 0);
    CHECK_THAT(worked.out,
               Catch::Contains("0\tok\tcomputed\td0.") && Catch::Contains("3\tfailed\tcomputed\tn"));
    auto const joined = sweep.run("merge", "--json");
    CHECK((json::parse(joined.out)["missing"] == 0 && json::parse(joined.out)["ok"] == 2));
    CHECK((bytes_of(sweep.output) == whole));
    CHECK_FALSE(std::filesystem::exists(sweep.output + ".parts"));
    auto const again = sweep.run("merge");
    CHECK(again.exit_code == 2);
    CHECK_THAT(again.err, Catch::Contains("holds no finished points to join"));
}

TEST_CASE("where values have labels these alone are told of a point", "[cli]") {
    SmallSweep const sweep{R"(
[[axes]]
name = "chip"
labels = ["H20", "H800"]
zip = { "pools[0].cluster" = ["h20_4096", "h800_4096"], "parallel.recompute" = ["none", "full"] }
[[axes]]
path = "training.global_batch"
values = [64]
)"};
    auto const told = sweep.run("sweep", "--no-cache").out;
    CHECK_THAT(told, Catch::Contains("at chip H20, training.global_batch 64 (point 0)"));
    auto const analyzed = run_program("analyze " + sweep.output);
    CHECK(analyzed.exit_code == 0);
    CHECK_THAT(analyzed.out, Catch::Contains("H800") && !Catch::Contains("h800_4096"));
}

TEST_CASE("a worker refuses numbers that are no points", "[cli]") {
    SmallSweep const sweep{two_by_two};
    for (auto const* number : {"4", "x", "1 2"}) {
        auto const ran = sweep.run("sweep-worker", sweep.stdin_of(std::string{number} + "\n"));
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::Contains("error: stdin: "));
    }
}

TEST_CASE("the shipped sweeps are such that their points run", "[cli]") {
    int sweeps = 0;
    for (auto const& entry : std::filesystem::directory_iterator{MOESAIC_SOURCE_DIR "/scenarios/sweeps"}) {
        if (entry.path().extension() != ".toml") {
            continue;
        }
        ++sweeps;
        INFO(entry.path());
        auto const ran = run_program("sweep --dry-run --json " + entry.path().string());
        REQUIRE(ran.exit_code == 0);
        CHECK(json::parse(ran.out)["probed_failed"] == 0); // its first, middle and last point
    }
    CHECK(sweeps >= 5);
}

TEST_CASE("a sweep over a scenario with [economics] tells what the training costs the lab", "[cli]") {
    SmallSweep const sweep{R"([set]
"pools[0].cluster" = "h20_4096"
economics = { hosting = "china_2025", purchases = ["china_2025"] }
[[axes]]
path = "training.tokens"
values = ["1 Ttokens", "2 Ttokens"]
)"};
    REQUIRE(sweep.run("sweep", "-q --no-cache").exit_code == 0);
    std::istringstream table{run_program("export " + sweep.output + " --csv -").out};
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(table, line);) {
        rows.emplace_back();
        std::istringstream fields{line};
        for (std::string field; std::getline(fields, field, ',');) {
            rows.back().push_back(field);
        }
    }
    REQUIRE(rows.size() == 3);
    auto const number = [&](std::string const& heading, std::size_t row) {
        auto const at = std::ranges::find(rows[0], heading) - rows[0].begin();
        return std::stod(rows.at(row + 1).at(static_cast<std::size_t>(at)));
    };
    for (auto const* column : {"training_cost [CNY]", "training_energy_kWh [kWh]", "training_days [d]"}) {
        CHECK(number(column, 1) == Approx(2.0 * number(column, 0))); // twice the tokens at the same step
    }
    CHECK(number("training_outlay [CNY]", 1) <
          2.0 * number("training_outlay [CNY]", 0)); // the chips are bought once
    CHECK(number("training_cost_low_80 [CNY]", 0) < number("training_cost [CNY]", 0));
    CHECK(number("over_budget", 0) == 0.0);
}
