#include "export_control/processing_performance.hpp"
#include "rules_for_tests.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace moesaic;
using namespace moesaic::export_control;
using Catch::Matchers::Contains;
using Catch::Matchers::WithinRel;

namespace {

hardware::Fact<FlopPerSecond> peak(double tflops) {
    return {FlopPerSecond{tflops * 1e12}, "test", hardware::Confidence::published, "", {}};
}

} // namespace

TEST_CASE("TPP is dense TOPS x bits, the largest over the formats, TF32 left out", "[export_control]") {
    hardware::Chip chip;
    CHECK_FALSE(compute_tpp(chip).has_value());
    chip.peak = {{Dtype::tf32, peak(990)},
                 {Dtype::fp64, peak(67)},
                 {Dtype::bf16, peak(989)},
                 {Dtype::fp8, peak(1979)}};
    // 67 x 64 = 4288, 989 x 16 = 15824, 1979 x 8 = 15832; TF32 would be 990 x 32 = 31680
    CHECK(compute_tpp(chip)->tpp == Approx(15832));
    CHECK(compute_tpp(chip)->dtype == Dtype::fp8);
    chip.peak[Dtype::nvfp4] = peak(4000); // 4000 x 4 = 16000
    CHECK(compute_tpp(chip)->tpp == Approx(16000));
}

TEST_CASE("performance density is TPP per mm2 of applicable die area", "[export_control]") {
    hardware::Chip chip;
    CHECK_FALSE(compute_performance_density(chip, 15832).has_value());
    chip.applicable_die_area_mm2 =
        hardware::Fact<double>{814, "test", hardware::Confidence::published, "", {}};
    CHECK(*compute_performance_density(chip, 15840) == Approx(19.46).epsilon(1e-3)); // 15840 / 814
}

TEST_CASE("TPP computed from the catalogue's peaks agrees with the published ones", "[export_control]") {
    // NVIDIA's classification lists and the press give TPP for these; the catalogue's peaks are rounded to 3 or 4
    // digits, so 1 % is allowed. The FP4 peaks of Blackwell's data sheets are rounded to whole PFLOP/s:
    std::map<std::string, double> const known_apart{
        {"nvidia_b200", 36000.0 / 37248},   // nvfp4 9 PFLOP/s x 4 bits
        {"nvidia_b300", 56000.0 / 55432},   // 14 PFLOP/s
        {"nvidia_gb300", 60000.0 / 58484}}; // 15 PFLOP/s
    int published = 0;
    hardware::Catalogue const catalogue{source_folder() + "/platforms"};
    for (auto const& id : catalogue.chip_ids()) {
        auto const chip = catalogue.chip(id, Origin{});
        auto const computed = compute_tpp(chip);
        if (!chip.tpp || chip.tpp->confidence == hardware::Confidence::estimate || !computed) {
            continue;
        }
        auto const expected = chip.tpp->value * (known_apart.contains(id) ? known_apart.at(id) : 1.0);
        INFO(id << ": published " << chip.tpp->value << ", computed " << computed->tpp << " from "
                << name_of(computed->dtype));
        CHECK_THAT(computed->tpp, WithinRel(expected, known_apart.contains(id) ? 1e-4 : 0.01));
        ++published;
    }
    CHECK(published >= 15);
}

TEST_CASE("performance density computed from TPP and area agrees with the catalogue's", "[export_control]") {
    int compared = 0;
    hardware::Catalogue const catalogue{source_folder() + "/platforms"};
    for (auto const& id : catalogue.chip_ids()) {
        auto const chip = catalogue.chip(id, Origin{});
        if (chip.tpp && chip.performance_density) {
            INFO(id);
            auto const density = compute_performance_density(chip, chip.tpp->value);
            REQUIRE(density.has_value());
            CHECK_THAT(*density, WithinRel(chip.performance_density->value, 0.01)); // printed with 2 decimals
            ++compared;
        }
    }
    CHECK(compared >= 30);
}

TEST_CASE("a TPP that would rest on estimated peaks stays unknown", "[export_control]") {
    auto chip = chip_of("amd_mi308x");
    REQUIRE(compute_tpp(chip)->estimated);
    auto const without = figures_of(chip);
    CHECK(without.find(Attribute::tpp) == nullptr);
    for (auto& [dtype, fact] : chip.peak) {
        fact.confidence = hardware::Confidence::published;
    }
    auto const with = figures_of(chip);
    auto const* const tpp = with.find(Attribute::tpp);
    REQUIRE(tpp != nullptr);
    CHECK(std::get<double>(tpp->value) == Approx(5504)); // 344 x 16, and 688 x 8
    CHECK_THAT(tpp->source, Contains("computed: bf16 344 TFLOP/s x 16 bits"));
}

TEST_CASE("the sum of memory and I/O bandwidth follows its parts", "[export_control]") {
    Figures figures{"x"};
    figures.set(Attribute::memory_bandwidth, {BytesPerSecond{1e12}, "a"});
    CHECK(figures.find(Attribute::memory_plus_io_bandwidth) == nullptr);
    figures.set(Attribute::io_bandwidth_both_ways, {BytesPerSecond{5e11}, "b"});
    CHECK(figures.find(Attribute::memory_plus_io_bandwidth)->value == Value{BytesPerSecond{1.5e12}});
    figures.set(Attribute::memory_bandwidth, {BytesPerSecond{2e12}, "a"});
    CHECK(figures.find(Attribute::memory_plus_io_bandwidth)->value == Value{BytesPerSecond{2.5e12}});
    figures.set(Attribute::memory_plus_io_bandwidth, {BytesPerSecond{9e12}, "c"});
    figures.set(Attribute::memory_bandwidth, {BytesPerSecond{3e12}, "a"});
    CHECK(figures.find(Attribute::memory_plus_io_bandwidth)->value == Value{BytesPerSecond{9e12}});
}

TEST_CASE("a density that was computed follows the TPP and the area that are put in their place",
          "[export_control]") {
    hardware::Chip chip;
    chip.id = "toy";
    chip.peak = {{Dtype::bf16, peak(100)}}; // 1,600
    chip.applicable_die_area_mm2 =
        hardware::Fact<double>{400, "test", hardware::Confidence::published, "", {}};
    auto const density = [&](std::string const& figures) {
        auto const overrides = read_figure_overrides(io::parse_toml(figures, "w.toml"), "assumed");
        auto const all = figures_of(chip, overrides);
        return std::get<double>(all.find(Attribute::performance_density)->value);
    };
    CHECK(density("") == Approx(4.0));
    CHECK(density("[toy]\ntpp = 2400\n") == Approx(6.0));
    CHECK(density("[toy]\ntpp = 2400\napplicable_die_area = \"800 mm2\"\n") == Approx(3.0));
    CHECK(density("[toy]\ntpp = 2400\nperformance_density = 5\n") == Approx(5.0));
    chip.performance_density = hardware::Fact<double>{7, "test", hardware::Confidence::published, "", {}};
    CHECK(density("[toy]\ntpp = 2400\n") == Approx(7.0)); // the catalogue's own word
}
