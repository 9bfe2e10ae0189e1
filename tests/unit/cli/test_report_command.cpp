#include "run_program.hpp"
#include "skipped.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace moesaic;
using nlohmann::json;

namespace {

bool has_bundle() {
    if (std::filesystem::exists(MOESAIC_SOURCE_DIR "/analysis/report/vega.bundle.js")) {
        return true;
    }
    test::tell_skipped("the drawing library of the page is not there (./dev page)");
    return false;
}

std::string read(std::string const& path) {
    std::ostringstream content;
    content << std::ifstream{path}.rdbuf();
    return content.str();
}

} // namespace

TEST_CASE("report puts whole run files into one page that refers to nothing outside", "[cli]") {
    if (!has_bundle()) {
        return;
    }
    auto const stem = (std::filesystem::temp_directory_path() / "moesaic_report").string();
    REQUIRE(run_program("run " + tutorial("01-one-node.toml") + " -o " + stem + ".h5").exit_code == 0);
    REQUIRE(run_program("report " + stem + ".h5 -o " + stem + ".html").exit_code == 0);
    auto const page = read(stem + ".html");
    CHECK(page.find("<!--part:") == std::string::npos);
    CHECK(page.find("<script src") == std::string::npos);
    CHECK(page.find("<link rel=\"stylesheet\"") == std::string::npos);
    std::string const begin = R"(<script type="application/json" id="data">)";
    auto const at = page.find(begin) + begin.size();
    auto const data = json::parse(page.substr(at, page.find("</script>", at) - at));
    REQUIRE(data["files"].size() == 1);
    auto const& datasets = data["files"][0]["datasets"];
    CHECK(datasets["/scenario/name"]["value"] == "Ling-Lite on one H20 server");
    CHECK(datasets["/step/step_time"]["unit"] == "s");
    CHECK(datasets["/scenario/software_known"]["value"] == 0); // the page says so
    CHECK(datasets["/memory/class"]["value"].is_array());      // a column stays one, with a single row too
    std::filesystem::remove(stem + ".h5");
    std::filesystem::remove(stem + ".html");
}

TEST_CASE("report takes what commands print with --json as it is", "[cli]") {
    if (!has_bundle()) {
        return;
    }
    auto const stem = (std::filesystem::temp_directory_path() / "moesaic_report_printed").string();
    auto const* const command = GENERATE("rules --timeline --json", "rules --date 2025-06-01 --json");
    auto const printed = run_program(command);
    std::ofstream{stem + ".json"} << printed.out;
    REQUIRE(run_program("report " + stem + ".json -o " + stem + ".html").exit_code == 0);
    auto const page = read(stem + ".html");
    std::string const begin = R"(<script type="application/json" id="data">)";
    auto const at = page.find(begin) + begin.size();
    auto const data = json::parse(page.substr(at, page.find("</script>", at) - at));
    CHECK(data["files"][0]["printed"] == json::parse(printed.out));
    std::filesystem::remove(stem + ".json");
    std::filesystem::remove(stem + ".html");
}

TEST_CASE("report says which file is no run file", "[cli]") {
    if (!has_bundle()) {
        return;
    }
    auto const ran = run_program("report " + tutorial("01-one-node.toml") + " -o /tmp/never.html");
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Catch::Contains("01-one-node.toml: cannot be read as HDF5"));
    CHECK_FALSE(std::filesystem::exists("/tmp/never.html"));
}
