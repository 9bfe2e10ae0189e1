#include "io/text_file.hpp"
#include "temporary_file.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <string>

using Catch::Matchers::Contains;

namespace {

struct Output {
    std::string text;
    int status;
};

/// What `moesaic rules` prints on both streams.
Output run_rules(std::string const& arguments) {
    auto const command =
        std::string{"MOESAIC_DATA=" MOESAIC_SOURCE_DIR " " MOESAIC_BINARY " rules "} + arguments + " 2>&1";
    auto* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Output out{};
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        out.text.append(buffer.data(), got);
    }
    out.status = pclose(pipe) / 256;
    return out;
}

} // namespace

TEST_CASE("moesaic rules --json names date, destination, outcome, rule, predicate, figures and nearness",
          "[export_control]") {
    auto const out = run_rules("--date 2025-04-15 --to CN --chip nvidia_h20 --json");
    CHECK(out.status == 0);
    CHECK(out.text.front() == '{');
    for (auto const* part :
         {"\"date\": \"2025-04-15\"", "\"destination\": \"CN\"", "\"chip\": \"nvidia_h20\"",
          "\"outcome\": \"licence_required\"", "\"rule\": \"us_2025_04_letters\"",
          "\"predicate\": \"US origin and memory bandwidth 4 TB/s is at least 1400 GB/s\"",
          "\"memory_bandwidth_gb_per_s\": 4000.0", "\"near_limit\": true"}) {
        CHECK_THAT(out.text, Contains(part));
    }
}

TEST_CASE("moesaic rules says when thresholds are not settled and which were used", "[export_control]") {
    CHECK_THAT(run_rules("--date 2025-06-01 --chip amd_mi210").text,
               Contains("Thresholds of us_2025_04_letters are not settled (known: as_given, bill_4100); "
                        "used: as_given") &&
                   Contains("amd_mi210: notified with us_2025_04_letters = bill_4100"));
    CHECK_THAT(
        run_rules("--date 2025-06-01 --chip amd_mi210 --alternative us_2025_04_letters=bill_4100").text,
        Contains("used: bill_4100"));
}

TEST_CASE("moesaic rules ends with 2 and the reason on wrong input", "[export_control]") {
    for (auto const& [arguments, message] :
         {std::pair{"--date 2025-02-30", "\"2025-02-30\" is no date"},
          std::pair{"--to China", "is no country"}, std::pair{"--to XX", "is no country"},
          std::pair{"--chip h20", "Did you mean nvidia_h20"}, std::pair{"--end-use x", "there is no \"x\""},
          std::pair{"--alternative us_2025_04_letters", "has no \"=\""},
          std::pair{"--what-if /no/file", "/no/file"}}) {
        auto const out = run_rules(arguments);
        INFO(arguments << ": " << out.text);
        CHECK(out.status == 2);
        CHECK_THAT(out.text, Contains(message));
    }
}

TEST_CASE("moesaic rules --timeline tells the what-if that it draws", "[export_control]") {
    moesaic::TemporaryFile const file{"cap.toml"};
    moesaic::io::write_text_file(file.path, "title = \"no letters\"\nremove = [\"us_2025_04_letters\"]\n");
    auto const arguments = "--timeline --chip nvidia_h20 --what-if " + file.path;
    CHECK_THAT(run_rules(arguments).text,
               Contains("A hypothetical world:") && Contains("us_2025_04_letters: removed"));
    CHECK_THAT(run_rules(arguments + " --json").text,
               Contains("\"assumptions\": [") && Contains("us_2025_04_letters: removed"));
    CHECK_THAT(run_rules("--timeline --chip nvidia_h20").text, !Contains("hypothetical"));
}

TEST_CASE("moesaic rules without a date takes the same day for every destination", "[export_control]") {
    for (auto const* to : {"CN", "US", "SG"}) {
        CHECK_THAT(run_rules("--chip nvidia_h20 --to " + std::string{to}).text, Contains("on 2026-01-15"));
    }
}
