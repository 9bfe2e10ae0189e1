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
        for (auto const* file : {"/load.csv", "/what_if.toml"}) {
            io::write_text_file(folder.path + file, "as it was\n");
        }
    }
    [[nodiscard]] std::string hash(std::string const& scenario) const {
        return cli::DataHash{folder.path}.of_scenario(io::parse_toml(scenario, "s.toml"), folder.path, {});
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

} // namespace

TEST_CASE("a scenario's hash changes with every file that its result rests on", "[cli]") {
    struct Case {
        std::string scenario;
        std::string file;
    };
    for (auto const& [scenario, file] : {
             Case{plain, "scenarios/models/ling_lite.toml"},
             Case{plain, "platforms/clusters/h800_4096.toml"},
             Case{plain, "platforms/timings/nvidia_h100_sxm5.csv"},
             Case{"prices = \"ling_2025\"\n" + plain, "platforms/prices/ling_2025.toml"},
             Case{"software = \"megatron_2021\"\n" + plain, "scenarios/software/megatron_2021.toml"},
             Case{plain + "[regime]\ndate = \"2025-05-01\"\n", "scenarios/rules/us_2023_10_3a090a.toml"},
             Case{plain + "[regime]\nwhat_if = \"what_if.toml\"\n", "what_if.toml"},
             Case{plain + "[routing]\nkind = \"measured\"\nfile = \"load.csv\"\n", "load.csv"},
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

TEST_CASE("a table of timings in HDF5 is one of those that a hash covers", "[cli]") {
    CopiedData const data;
    auto const before = data.hash(plain);
    io::write_text_file(data.folder.path + "/platforms/timings/more.h5", "rows");
    auto const with_table = data.hash(plain);
    CHECK(with_table != before);
    data.append_to("platforms/timings/more.h5");
    CHECK(data.hash(plain) != with_table);
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
