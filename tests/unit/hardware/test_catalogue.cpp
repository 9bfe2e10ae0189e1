#include "hardware/catalogue.hpp"
#include "hardware/read_entry.hpp"
#include "io/text_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>
#include <set>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;

namespace {

Catalogue shipped() { return Catalogue{MOESAIC_SOURCE_DIR "/platforms"}; }
Origin const here{"test.toml", 3, 8, "pools[0].cluster"};

} // namespace

TEST_CASE("every chip, node type and cluster of the shipped catalogue can be read", "[hardware]") {
    auto const catalogue = shipped();
    for (auto const& id : catalogue.chip_ids()) {
        INFO(id);
        auto const chip = catalogue.chip(id, here);
        CHECK((supports(chip, Dtype::bf16) || supports(chip, Dtype::fp16)));
        CHECK(memory_of(chip) > Bytes{1e9});
    }
    for (auto const& id : entries_of(MOESAIC_SOURCE_DIR "/platforms/nodes")) {
        INFO(id);
        CHECK(catalogue.node(id, here).id == id);
    }
    for (auto const& id : catalogue.cluster_ids()) {
        INFO(id);
        CHECK(chips_of(catalogue.cluster(id, here)) >= 2048);
    }
    CHECK(catalogue.chip_ids().size() == 51);
}

TEST_CASE("the five devices of the Ling paper have the figures of its table within 5 %", "[hardware]") {
    struct Device {
        std::string chip;
        double peak_tflops;
        double memory_gib;
    };
    // table 1 of arXiv 2503.05139; device A is listed with 370, between the chip's bf16 and fp16 figures
    Device const devices[] = {{"huawei_ascend_910b2", 370, 64},
                              {"alibaba_ppu", 120, 96},
                              {"nvidia_a800_sxm4_80", 312, 80},
                              {"nvidia_h800_sxm5", 989, 80},
                              {"nvidia_h20", 147, 96}};
    auto const catalogue = shipped();
    for (auto const& device : devices) {
        INFO(device.chip);
        auto const chip = catalogue.chip(device.chip, here);
        CHECK(peak_of(chip, Dtype::bf16).value() == Approx(device.peak_tflops * 1e12).epsilon(0.05));
        CHECK(memory_of(chip).value() == device.memory_gib * bytes_per_gib);
    }
}

TEST_CASE("scale-up bandwidth of the catalogue is each way", "[hardware]") {
    auto const catalogue = shipped();
    // NVLink 4 of 18 links x 25 GB/s each way; of the H800 8 links; HCCS 7 x 28; xGMI 7 x 64
    CHECK(catalogue.chip("nvidia_h100_sxm5", here).scale_up_bandwidth->value == BytesPerSecond{450e9});
    CHECK(catalogue.chip("nvidia_h800_sxm5", here).scale_up_bandwidth->value == BytesPerSecond{200e9});
    CHECK(catalogue.chip("huawei_ascend_910b2", here).scale_up_bandwidth->value == BytesPerSecond{196e9});
    CHECK(catalogue.chip("amd_mi300x", here).scale_up_bandwidth->value == BytesPerSecond{448e9});
}

TEST_CASE("a name in tables of timings belongs to one chip, and a copied chip that keeps it is an error",
          "[hardware]") {
    CHECK(shipped().all_chips().size() == 51);
    auto const folder = std::filesystem::temp_directory_path() / "moesaic_two_owners";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder / "chips");
    auto text = io::read_text_file(MOESAIC_SOURCE_DIR "/platforms/chips/nvidia_h20.toml");
    io::write_text_file((folder / "chips" / "nvidia_h20.toml").string(), text);
    text.replace(text.find("nvidia_h20"), 10, "a_copy");
    io::write_text_file((folder / "chips" / "a_copy.toml").string(), text);
    CHECK_THROWS_WITH(Catalogue{folder.string()}.all_chips(),
                      Contains("nvidia_h20.toml:10:") &&
                          Contains("timing_names: \"H20\" is a name of a_copy already"));
    std::filesystem::remove_all(folder);
}

TEST_CASE("every document that a figure names is listed among the sources, and none for nothing",
          "[hardware]") {
    auto const sources = shipped().sources();
    std::regex const named{"source = \"([^\"]*)\""};
    std::set<std::string> used;
    for (auto const& entry : std::filesystem::recursive_directory_iterator{shipped().folder()}) {
        if (entry.path().extension() != ".toml" || entry.path().filename() == "sources.toml") {
            continue;
        }
        auto const content = io::read_text_file(entry.path().string());
        for (std::sregex_iterator it{content.begin(), content.end(), named}, end; it != end; ++it) {
            std::string const name = (*it)[1];
            bool const own_words =
                name.starts_with("assumed:") || name.starts_with("chosen:") || name.starts_with("derived ");
            INFO(entry.path() << ": " << name);
            CHECK((own_words || find_source(sources, name)));
            used.insert(name);
        }
    }
    for (auto const& source : sources) {
        INFO(source.name);
        CHECK(used.contains(source.name));
    }
}

TEST_CASE("an unknown id is an error at the place that asked, with the nearest names", "[hardware]") {
    auto const catalogue = shipped();
    CHECK_THROWS_WITH(catalogue.chip("nvidia_h02", here),
                      Contains("test.toml:3:8: pools[0].cluster: no chip is called \"nvidia_h02\"") &&
                          Contains("nvidia_h20"));
    CHECK_THROWS_WITH(catalogue.node("hgx_h80", here), Contains("no node type") && Contains("hgx_h800"));
    CHECK_THROWS_WITH(catalogue.cluster("../chips/nvidia_h20", here), Contains("no cluster is called"));
}

TEST_CASE("a folder that is not there is an input error", "[hardware]") {
    CHECK_THROWS_AS(Catalogue{"/nowhere/platforms"}, InputError);
}
