#include "cli/data_hash.hpp"

#include "io/text_file.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
namespace fs = std::filesystem;

namespace {

/// A copy of the catalogue, one of whose files changes.
struct CopiedData {
    TemporaryFile folder{"data"};
    CopiedData() {
        for (auto const* part : {"platforms", "scenarios/models", "scenarios/rules", "scenarios/software"}) {
            fs::create_directories(fs::path{folder.path} / part);
            fs::copy(fs::path{MOESAIC_SOURCE_DIR} / part, fs::path{folder.path} / part,
                     fs::copy_options::recursive);
        }
        for (auto const* file : {"/load.csv", "/what_if.toml", "/scenarios/routing_presets.toml"}) {
            io::write_text_file(folder.path + file, "as it was\n");
        }
    }
    [[nodiscard]] std::string hash(std::string const& scenario) const {
        return cli::DataHash{folder.path}.of_scenario(io::parse_toml(scenario, "s.toml"), folder.path);
    }
    void append_to(std::string const& file) const {
        auto const path = folder.path + "/" + file;
        io::write_text_file(path, io::read_text_file(path) + "# changed\n");
    }
};

std::string const plain = R"(
model = "ling_lite"
[[pools]]
cluster = "h800_4096"
)";
std::string const far = R"(
model = "ling_lite"
[[pools]]
cluster = "h20_4096"
)";

} // namespace

TEST_CASE("a scenario's hash changes with every file that its result rests on", "[cli]") {
    struct Case {
        std::string scenario;
        std::string file;
    };
    for (auto const& [scenario, file] : {
             Case{plain, "scenarios/models/ling_lite.toml"},
             Case{plain, "platforms/clusters/h800_4096.toml"},
             Case{plain, "platforms/calibration.toml"},
             Case{plain, "platforms/chips/nvidia_h20.toml"}, // it may lend its curves
             Case{plain + "[[site_links]]\nbetween = [\"a\", \"b\"]\ntransport = \"tcp\"\n",
                  "platforms/transports.toml"},
             Case{"prices = \"ling_2025\"\n" + plain, "platforms/prices/ling_2025.toml"},
             Case{"software = \"megatron_2021\"\n" + plain, "scenarios/software/megatron_2021.toml"},
             Case{plain + "[regime]\ndate = \"2025-05-01\"\n", "scenarios/rules/us_2023_10_3a090a.toml"},
             Case{plain + "[regime]\nwhat_if = \"what_if.toml\"\n", "what_if.toml"},
             Case{plain + "[routing]\nkind = \"measured\"\nfile = \"load.csv\"\n", "load.csv"},
             Case{plain + "[routing]\nkind = \"gini\"\npreset = \"nemotron_30b\"\n",
                  "scenarios/routing_presets.toml"},
             Case{"model = \"ling_lite\"\n[[pools]]\nnode = \"atlas_800t_a2\"\n",
                  "platforms/nodes/atlas_800t_a2.toml"},
         }) {
        INFO(file);
        CopiedData const data;
        auto const before = data.hash(scenario);
        CHECK(data.hash(scenario) == before);
        data.append_to(file);
        CHECK(data.hash(scenario) != before);
    }
}

TEST_CASE("the hash of the timings covers every table, HDF5 too, and that of a scenario none", "[cli]") {
    CopiedData const data;
    auto const of_timings = [&] { return cli::DataHash{data.folder.path}.of_timings({}); };
    auto const scenario = data.hash(plain);
    auto const before = of_timings();
    io::write_text_file(data.folder.path + "/platforms/timings/more.h5", "rows");
    auto const with_table = of_timings();
    CHECK(with_table != before);
    data.append_to("platforms/timings/more.h5");
    CHECK(of_timings() != with_table);
    data.append_to("platforms/timings/nvidia_h100_sxm5.csv");
    CHECK(data.hash(plain) == scenario);
}

TEST_CASE("a file that changes after it was hashed is noticed, whoever hashed it first", "[cli]") {
    CopiedData const data;
    cli::DataHash hash{data.folder.path};
    auto const of = [&](std::string const& scenario) {
        return hash.of_scenario(io::parse_toml(scenario, "s.toml"), data.folder.path);
    };
    (void)of("prices = \"ling_2025\"\n" + plain); // hashes all chips
    (void)of(far);
    CHECK_NOTHROW(hash.check_unchanged());
    for (auto const* file : {"scenarios/models/ling_lite.toml", "platforms/calibration.toml",
                             "platforms/prices/ling_2025.toml", "platforms/chips/nvidia_h800_sxm5.toml"}) {
        DYNAMIC_SECTION(file) {
            data.append_to(file);
            CHECK_THROWS_WITH(hash.check_unchanged(),
                              Catch::Contains(file) && Catch::Contains("has changed since the sweep began"));
        }
    }
    SECTION("tables of timings are compared by who loads them") {
        (void)hash.of_timings({});
        data.append_to("platforms/timings/published.csv");
        CHECK_NOTHROW(hash.check_unchanged());
    }
}

TEST_CASE("a scenario's hash does not change with files that it does not use", "[cli]") {
    CopiedData const data;
    auto const before = data.hash(plain);
    for (auto const* file : {"scenarios/rules/us_2023_10_3a090a.toml", "scenarios/models/ling_plus.toml",
                             "platforms/clusters/h20_4096.toml", "platforms/prices/ling_2025.toml"}) {
        INFO(file);
        data.append_to(file);
        CHECK(data.hash(plain) == before);
    }
}
