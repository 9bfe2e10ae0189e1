#include "io/text_file.hpp"
#include "run_program.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

using namespace moesaic;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A folder of two scenarios of one's own, of which only the first prints how fast it was.
struct OwnRuns {
    TemporaryFile const place{"own_runs"};
    fs::path const folder = place.path;
    explicit OwnRuns(std::string const& printed) {
        fs::create_directories(folder / "mine");
        auto const scenario = io::read_text_file(tutorial("01-one-node.toml"));
        io::write_text_file((folder / "mine/a.toml").string(),
                            scenario + "\n[published]\nsource = \"my log\"\n" + printed + "\n");
        io::write_text_file((folder / "mine/b.toml").string(), scenario);
    }
};

} // namespace

TEST_CASE("reproduce compares runs of one's own by their rate, and counts those that print none", "[cli]") {
    OwnRuns const own{"tokens_per_s = 32768"};
    auto const ran = run_program("reproduce all --json --folder " + own.folder.string());
    REQUIRE(ran.exit_code == 0);
    auto const records = json::parse(ran.out)["records"];
    REQUIRE(records.size() == 1);
    CHECK(records[0]["published"].get<double>() == Approx(64 * 4096 / 32768.0)); // seconds of a step
    CHECK_THAT(ran.err, Catch::Contains("1 scenarios have no published step_time or tokens_per_s"));
}

TEST_CASE("reproduce says what constants stretch of a run, by the kernels' own number format", "[cli]") {
    OwnRuns const own{"step_time = \"8 s\""};
    auto const command =
        "reproduce all --json --set training.precision='\"fp8\"' --folder " + own.folder.string();
    auto const ran = run_program(command);
    REQUIRE(ran.exit_code == 0);
    auto const record = json::parse(ran.out)["records"][0];
    auto const stretched = [](json const& of, char const* format) {
        return of["stretched"].value(format, 0.0);
    };
    auto const products = [](json const& of) {
        return of["time_by_kind"].value("gemm", 0.0) + of["time_by_kind"].value("grouped_gemm", 0.0);
    };
    CHECK(record["precision"] == "8-bit");
    CHECK(stretched(record, "16-bit") >
          record["time_by_kind"]["attention"].get<double>()); // router and head too
    CHECK(stretched(record, "8-bit") + stretched(record, "16-bit") ==
          Approx(products(record) + record["time_by_kind"]["attention"].get<double>()));
    // attention at its software's limit is none of it
    auto const limit = "\n[[parallel.attention]]\nchips = [\"" + record["chip"].get<std::string>() +
                       "\"]\nforward = 0.01\nbackward = 0.01\nsource = \"made up\"\n";
    auto const file = (own.folder / "mine/a.toml").string();
    io::write_text_file(file, io::read_text_file(file) + limit);
    auto const limited = json::parse(run_program(command).out)["records"][0];
    CHECK(stretched(limited, "8-bit") + stretched(limited, "16-bit") == Approx(products(limited)));
}

TEST_CASE("reproduce leaves out a scenario that it cannot read, and says why", "[cli]") {
    OwnRuns const own{"tokens_per_s = 32768\nrecord = \"a\""};
    io::write_text_file((own.folder / "mine/c.toml").string(), "name = \"c\"\nmodle = \"ling_lite\"\n");
    auto const ran = run_program("reproduce all --json --folder " + own.folder.string());
    CHECK(ran.exit_code == 1);
    CHECK(json::parse(ran.out)["records"].size() == 1);
    CHECK_THAT(ran.err, Catch::Contains("left out: ") && Catch::Contains("mine/c.toml"));
    CHECK_THAT(json::parse(ran.out)["left_out"][0].get<std::string>(), Catch::Contains("mine/c.toml"));
    auto const ids = (own.folder / "ids.txt").string();
    io::write_text_file(ids, "a\n"); // c is not asked for
    CHECK(run_program("reproduce all --folder " + own.folder.string() + " --records " + ids).exit_code == 0);
}

TEST_CASE("reproduce lists a run that cannot be simulated with the reason", "[cli]") {
    OwnRuns const own{"step_time = \"8 s\""};
    auto const ran = run_program("reproduce all --json --set training.precision='\"nvfp4\"' --folder " +
                                 own.folder.string());
    auto const record = json::parse(ran.out)["records"][0];
    CHECK_THAT(record["problem"].get<std::string>(), Catch::Contains("peak nvfp4"));
    CHECK_FALSE(record.contains("simulated"));
}

TEST_CASE("a published share above 1 is refused, as of one printed in per cent", "[cli]") {
    OwnRuns const own{"mfu = 38"};
    auto const ran = run_program("run " + (own.folder / "mine/a.toml").string());
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Catch::Contains("published.mfu: 38 is not allowed (above 0, at most 1: a share)"));
}

TEST_CASE("a published step of no time is refused", "[cli]") {
    for (std::string const time : {"0 s", "-5 s"}) {
        OwnRuns const own{"step_time = \"" + time + "\""};
        auto const ran = run_program("reproduce all --json --folder " + own.folder.string());
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::Contains("published.step_time: must be above zero"));
    }
}
