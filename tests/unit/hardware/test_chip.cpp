#include "hardware/chip.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;

namespace {

std::string const head = R"(id = "x"
vendor = "V"
name = "X"
kind = "gpu"
status = "released"
)";

Chip chip_with(std::string const& rest) { return read_chip(io::parse_toml(head + rest, "x.toml")); }

std::string error_of(std::string const& rest) {
    try {
        (void)chip_with(rest);
    } catch (InputError const& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("a figure keeps its source, confidence, note and alternatives", "[hardware]") {
    auto const chip = chip_with(R"([peak]
bf16 = { value = "148 TFLOP/s", source = "a list", confidence = "published", note = "n", alternatives = [
    { value = "147 TFLOP/s", source = "a paper", confidence = "press" },
] })");
    auto const& peak = chip.peak.at(Dtype::bf16);
    CHECK(peak.value == FlopPerSecond{148e12});
    CHECK(peak.source == "a list");
    CHECK(peak.confidence == Confidence::published);
    CHECK(peak.note == "n");
    REQUIRE(peak.alternatives.size() == 1);
    CHECK(peak.alternatives[0].value == FlopPerSecond{147e12});
    CHECK(peak.alternatives[0].confidence == Confidence::press);
}

TEST_CASE("a figure without source or confidence is refused where it stands", "[hardware]") {
    CHECK_THAT(error_of("[peak]\nbf16 = { value = \"1 TFLOP/s\", confidence = \"press\" }"),
               Contains("x.toml:7") && Contains("peak.bf16.source") && Contains("is missing"));
    CHECK_THAT(error_of("[peak]\nbf16 = { value = \"1 TFLOP/s\", source = \" \", confidence = \"press\" }"),
               Contains("peak.bf16.source") && Contains("is empty"));
    CHECK_THAT(error_of("[peak]\nbf16 = { value = \"1 TFLOP/s\", source = \"s\" }"),
               Contains("peak.bf16.confidence") && Contains("is missing"));
    CHECK_THAT(error_of("[peak]\nbf16 = { value = \"1 TFLOP/s\", source = \"s\", confidence = \"sure\" }"),
               Contains("\"sure\"") && Contains("official, published, press, estimate"));
}

TEST_CASE("a figure without unit, below 0 or with an unknown key is refused", "[hardware]") {
    CHECK_THAT(error_of("[peak]\nbf16 = { value = 148, source = \"s\", confidence = \"press\" }"),
               Contains("needs a unit"));
    CHECK_THAT(error_of("[package]\npower = { value = \"-3 W\", source = \"s\", confidence = \"press\" }"),
               Contains("package.power.value") && Contains("negative"));
    CHECK_THAT(error_of("[package]\ndie_area_mm2 = { value = nan, source = \"s\", confidence = \"press\" }"),
               Contains("package.die_area_mm2.value") && Contains("not allowed"));
    CHECK_THAT(error_of("[package]\npowr = { value = \"3 W\", source = \"s\", confidence = \"press\" }"),
               Contains("package.powr") && Contains("Did you mean power"));
    CHECK_THAT(error_of("[peak]\nbf17 = { value = \"3 TFLOP/s\", source = \"s\", confidence = \"press\" }"),
               Contains("peak.bf17") && Contains("bf16"));
}

TEST_CASE("a figure by which times are divided is above 0", "[hardware]") {
    for (auto const* figure :
         {"[peak]\nbf16 = { value = \"0 TFLOP/s\"", "[memory]\nbandwidth = { value = \"0 TB/s\"",
          "[memory]\ncapacity = { value = \"0 GiB\"", "[links]\nnic_bandwidth = { value = \"0 Gbit/s\""}) {
        CHECK_THAT(error_of(std::string{figure} + ", source = \"s\", confidence = \"press\" }"),
                   Contains("above 0") && Contains("x.toml:7"));
    }
    CHECK(error_of(
              "[links]\nscale_up_bandwidth = { value = \"0 GB/s\", source = \"s\", confidence = \"press\" }")
              .empty());
}

TEST_CASE("the spread of a chip's speed is a share of it", "[hardware]") {
    auto const with = [](std::string const& value) {
        return "[package]\nspeed_spread = { value = " + value + ", source = \"s\", confidence = \"press\" }";
    };
    CHECK(chip_with(with("0.012")).speed_spread->value == 0.012);
    CHECK_THAT(error_of(with("1.2")), Contains("package.speed_spread") && Contains("0.012 = 1.2 %"));
}

TEST_CASE("a figure that is not known is an error that names chip and figure", "[hardware]") {
    auto const chip = chip_with("");
    CHECK_FALSE(supports(chip, Dtype::bf16));
    CHECK_THROWS_WITH(peak_of(chip, Dtype::bf16), Contains("chip x: peak bf16 is not known"));
    CHECK_THROWS_WITH(memory_of(chip), Contains("chip x: memory capacity is not known"));
    CHECK_THROWS_WITH(memory_bandwidth_of(chip), Contains("chip x: memory bandwidth is not known"));
    CHECK_THROWS_AS(peak_of(chip, Dtype::bf16), InputError);
}

TEST_CASE("block-scaled fp8 runs at the fp8 rate, mxfp8 only where the units know block scales",
          "[hardware]") {
    std::string const fp8 =
        "[peak]\nfp8 = { value = \"2 TFLOP/s\", source = \"s\", confidence = \"press\" }\n";
    auto const hopper = chip_with(fp8);
    CHECK(peak_of(hopper, Dtype::fp8_block) == FlopPerSecond{2e12});
    CHECK_FALSE(supports(hopper, Dtype::mxfp8));
    CHECK_THROWS_WITH(peak_of(hopper, Dtype::mxfp8),
                      Contains("peak mxfp8, unlike that of fp8, is not known"));
    auto const newer =
        chip_with(fp8 + "mxfp4 = { value = \"4 TFLOP/s\", source = \"s\", confidence = \"press\" }");
    CHECK(peak_of(newer, Dtype::mxfp8) == FlopPerSecond{2e12});
}

TEST_CASE("a chip's launch date is a date, its kind and status are words of the catalogue", "[hardware]") {
    auto const problem = [](std::string const& text) -> std::string {
        try {
            (void)read_chip(io::parse_toml(text, "x.toml"));
        } catch (InputError const& error) {
            return error.what();
        }
        return "no error";
    };
    auto const launched = [&](std::string const& date) {
        return problem(head + "[package]\nlaunch_date = { value = \"" + date +
                       "\", source = \"s\", confidence = \"estimate\" }\n");
    };
    for (auto const* good : {"2023", "2023-03", "2026-Q4", "2023-03-21"}) {
        CHECK(launched(good) == "no error");
    }
    for (auto const* bad : {"2023-13-45", "2025-02-30", "soon"}) {
        CHECK_THAT(launched(bad),
                   Catch::Contains("package.launch_date: \"" + std::string{bad} + "\" is no date"));
    }
    std::string const start = "id = \"a\"\nvendor = \"b\"\nname = \"c\"\n";
    CHECK_THAT(problem(start + "kind = \"toaster\"\nstatus = \"released\"\n"),
               Catch::Contains("x.toml:4:8: kind: \"toaster\" is not known. It is one of gpu, npu"));
    CHECK_THAT(problem(start + "kind = \"npu\"\nstatus = \"relased\"\n"),
               Catch::Contains("x.toml:5:10: status: \"relased\" is not known"));
    CHECK(problem(start + "kind = \"npu\"\nstatus = \"roadmap, Q4 2026\"\n") == "no error");
}
