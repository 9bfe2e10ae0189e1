#include "hardware/catalogue.hpp"
#include "scenario/read_pool.hpp"
#include "scenario/scenario.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace moesaic;

namespace {

scenario::Pool pool_of(std::string const& text) {
    return scenario::read_pool(io::parse_toml("[pool]\n" + text, "pool.toml").table("pool"),
                               MOESAIC_SOURCE_DIR);
}

std::string const fabric = R"(
[pool.fabric]
kind = "rail_fat_tree"
nodes_per_leaf = 32
oversubscription = 1.0
spine_latency = { value = "0.9 us", source = "test", confidence = "estimate" }
source = "test"
confidence = "estimate"
)";

std::string const small_model = R"(
[model]
id = "small"
[model.shape]
source = "test"
layers = 4
hidden = 1024
vocab = 32000
sequence_length = 2048
dense_ffn = 4096
[model.attention]
source = "test"
kind = "gqa"
heads = 8
head_dim = 128
)";

/// A scenario of its own model on one node. @param more lines of its head
scenario::Scenario inline_scenario(std::string const& more) {
    auto const path =
        std::filesystem::temp_directory_path() / ("moesaic_inline_" + std::to_string(::getpid()) + ".toml");
    std::ofstream{path} << "name = \"inline\"\n"
                        << more << small_model << R"(
[training]
global_batch = 16
[[pools]]
name = "all"
node = "hgx_h100"
nodes = 1
[parallel]
recompute = "least"
[published]
source = "test"
record = "r1"
step_time = "1.5 s"
doubt = "precision not stated"
)";
    auto out = scenario::read_scenario(path.string(), {}, MOESAIC_SOURCE_DIR);
    std::filesystem::remove(path);
    return out;
}

} // namespace

TEST_CASE("a pool may describe its own cluster", "[scenario]") {
    auto const pool = pool_of(
        "name = \"a\"\nnode = \"hgx_h100\"\nnodes = 4\nchips = 16\nnics = 4\nnic_bandwidth = \"25 GB/s\"\n" +
        fabric);
    CHECK(pool.cluster.nodes == 4);
    CHECK(pool.chips == 16);
    CHECK(pool.cluster.node.nics == 4);
    CHECK(pool.cluster.node.nic_bandwidth.value.value() == Approx(25e9));
    CHECK(pool.cluster.fabric.nodes_per_leaf == 32);
}

TEST_CASE("a scenario chooses an alternative of a figure that sources give differently", "[scenario]") {
    auto const peak_with = [](std::string const& path, std::string const& value) {
        auto const s = scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/01-one-node.toml",
                                               {{path, value}}, MOESAIC_SOURCE_DIR);
        return hardware::peak_of(s.pools.at(0).cluster.node.chip, Dtype::bf16).value();
    };
    CHECK(peak_with("figures.nvidia_h20", "{ \"peak.bf16\" = 1 }") == Approx(147e12));
    CHECK_THROWS_WITH(peak_with("figures.nvidia_h20", "{ \"peak.bf16\" = 2 }"),
                      Catch::Contains("figures.nvidia_h20.peak.bf16") && Catch::Contains("no alternative 2"));
    CHECK_THROWS_WITH(peak_with("figures.nvidia_h02", "{ \"peak.bf16\" = 1 }"),
                      Catch::Contains("no pool has chips") && Catch::Contains("nvidia_h20"));
}

namespace {

model::Precision precision_with(std::vector<io::TomlOverride> const& overrides) {
    return scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/01-one-node.toml", overrides,
                                   MOESAIC_SOURCE_DIR)
        .plan.kinds.at(0)
        .stage_groups.at(0)
        .precision;
}

} // namespace

TEST_CASE("what has a wider format than the other products is told in one table", "[scenario]") {
    auto const precision = precision_with({{"training.precision", "fp8"},
                                           {"training.wider.last_layers", "2"},
                                           {"training.wider.attention", "bf16"}});
    CHECK(precision.gemm == Dtype::fp8);
    CHECK(precision.last_wide == 2);
    CHECK(precision.first_wide == 0);
    CHECK(model::format_of(precision, model::ProductPart::attention) == Dtype::bf16);
    CHECK(model::format_of(precision, model::ProductPart::experts) == Dtype::fp8);
    CHECK_FALSE(model::has_wider(precision_with({{"training.precision", "fp8"}})));
    // a pool whose own format is as wide has that
    auto const on_pool = precision_with({{"training.precision", "fp8"},
                                         {"training.wider.attention", "bf16"},
                                         {"parallel.precision", "bf16"}});
    CHECK(model::format_of(on_pool, model::ProductPart::attention) == Dtype::bf16);
}

TEST_CASE("activations of less than two bytes are refused", "[scenario]") {
    for (auto const* format : {"nvfp4", "fp8", "int8"}) {
        CHECK_THROWS_WITH(precision_with({{"training.activations", format}}),
                          Catch::Contains("training.activations") && Catch::Contains("bf16"));
    }
    CHECK(precision_with({{"training.activations", "fp32"}}).activations == Dtype::fp32);
}

TEST_CASE("a wider format that is narrower, or of more layers than there are, is an error with its place",
          "[scenario]") {
    CHECK_THROWS_WITH(precision_with({{"training.wider.experts", "fp8"}}),
                      Catch::Contains("training.wider.experts") && Catch::Contains("no wider"));
    CHECK_THROWS_WITH(precision_with({{"training.precision", "fp8"}, {"training.wider.experts", "mxfp8"}}),
                      Catch::Contains("training.wider.experts") && Catch::Contains("no wider"));
    CHECK_THROWS_WITH(precision_with({{"training.wider.experts", "fp32"}}),
                      Catch::Contains("training.wider.experts") && Catch::Contains("activations"));
    // of use where it is the plan that has a narrow format
    CHECK(precision_with({{"parallel.precision", "nvfp4"}, {"training.wider.experts", "fp8"}}).gemm ==
          Dtype::nvfp4);
    CHECK_FALSE(model::has_wider(precision_with({{"training.wider.experts", "bf16"}})));
    CHECK_THROWS_WITH(precision_with({{"training.precision", "fp8"}, {"training.wider.first_layers", "999"}}),
                      Catch::Contains("training.wider.first_layers") && Catch::Contains("layers"));
    CHECK_THROWS_WITH(precision_with({{"training.wider.first_layers", "-1"}}),
                      Catch::Contains("training.wider.first_layers"));
    CHECK_THROWS_WITH(precision_with({{"training.wider.expert", "bf16"}}), Catch::Contains("experts"));
    CHECK_THROWS_WITH(precision_with({{"training.precision", "fp8"},
                                      {"training.wider.last_layers", "1"},
                                      {"parallel.adapters", "16"},
                                      {"parallel.frozen_weights_quantised", "true"}}),
                      Catch::Contains("parallel.adapters") && Catch::Contains("wider"));
}

TEST_CASE("one node needs no network", "[scenario]") {
    CHECK(pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 1\n").chips == 8);
    CHECK_THROWS_WITH(pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 2\n"),
                      Catch::Contains("need a network"));
}

TEST_CASE("a pool names a cluster or a node, not both and not neither", "[scenario]") {
    CHECK_THROWS_WITH(pool_of("name = \"a\"\n"), Catch::Contains("either a cluster or a node type"));
    CHECK_THROWS_WITH(pool_of("name = \"a\"\ncluster = \"h100_16384\"\nnode = \"hgx_h100\"\nnodes = 1\n"),
                      Catch::Contains("either a cluster or a node type"));
}

TEST_CASE("a job may use a part of each rack, with its share of the NICs", "[scenario]") {
    auto const pool = pool_of(
        "name = \"a\"\nnode = \"gb200_nvl72\"\nnodes = 4\nchips_per_node = 64\nchips = 256\n" + fabric);
    CHECK(pool.cluster.node.chips == 64);
    CHECK(pool.cluster.node.nics == 64);
    CHECK_THROWS_WITH(pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 1\nchips_per_node = 9\n"),
                      Catch::Contains("no part of node"));
}

TEST_CASE("another build of a chip has its own figures and no measurements of its own", "[scenario]") {
    auto const usual = pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 1\n").cluster.node.chip;
    auto const other =
        pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 1\n[pool.chip]\nsource = \"test\"\n"
                "memory_bandwidth = \"2.4 TB/s\"\npeak_share = 0.9\n")
            .cluster.node.chip;
    CHECK(hardware::memory_bandwidth_of(other).value() == Approx(2.4e12));
    CHECK(hardware::peak_of(other, Dtype::bf16).value() ==
          Approx(0.9 * hardware::peak_of(usual, Dtype::bf16).value()));
    CHECK(other.timing_names.empty());
    CHECK(other.id != usual.id); // so that the usual one may lend its curves
    CHECK_THROWS_WITH(
        pool_of("name = \"a\"\nnode = \"hgx_h100\"\nnodes = 1\n[pool.chip]\npeak_share = 0.9\n"),
        Catch::Contains("source"));
}

TEST_CASE("model, cluster and what was published may stand in the scenario itself", "[scenario]") {
    auto const s = inline_scenario("");
    CHECK(s.model.layers == 4);
    CHECK(s.pools.at(0).chips == 8);
    REQUIRE(s.published);
    CHECK(s.published->record == "r1");
    CHECK(s.published->step_time->value() == Approx(1.5));
    CHECK(s.published->doubt == "precision not stated");
}

TEST_CASE("software is known where it is named and not said to stand for another", "[scenario]") {
    auto const known = [](std::string const& head) { return inline_scenario(head).plan.practice.is_known; };
    CHECK(known("software = \"nemo_2407\"\n"));
    CHECK_FALSE(known("software = \"nemo_2407\"\nsoftware_known = false\n"));
    CHECK_FALSE(known(""));
    CHECK_THROWS_WITH(known("software_known = true\n"), Catch::Contains("has no use without software"));
}

TEST_CASE("numbers that are too large are told with their field, and not cut", "[scenario]") {
    auto const problem = [](std::string const& setting) -> std::string {
        try {
            (void)scenario::read_scenario(MOESAIC_SOURCE_DIR
                                          "/scenarios/tutorial/04-replicas-on-two-pools.toml",
                                          {io::parse_override(setting)}, MOESAIC_SOURCE_DIR);
        } catch (InputError const& error) {
            return error.what();
        }
        return "no error";
    };
    // 2^32 + 1,024 and the like: what is left of them in 32 bits would do
    for (auto const* field :
         {"training.global_batch", "training.sequence_length", "pools[0].chips", "pools[0].spare_nodes",
          "parallel.tensor", "parallel.pipeline", "parallel.expert", "parallel.micro_batch",
          "parallel.replica_kinds[0].replicas"}) {
        INFO(field);
        CHECK_THAT(problem(std::string{field} + "=4294968320"),
                   Catch::StartsWith("--set: " + std::string{field} + ": 4294968320 is too large"));
    }
    CHECK_THAT(problem("training.sequence_length=500000000"),
               Catch::Contains("training.sequence_length: 500000000 is too large: a micro-batch of"));
    // 1e9 ranks of 1e9 replicas would wrap round to a number that fits
    CHECK_THAT(problem("parallel={ tensor = 1000000000, replicas = 1000000000, pool = \"new\" }"),
               Catch::Contains("are too many"));
}

namespace {

scenario::Scenario two_pools(std::vector<std::string> const& settings, scenario::PlanNeed need) {
    std::vector<io::TomlOverride> overrides;
    for (auto const& setting : settings) {
        overrides.push_back(io::parse_override(setting));
    }
    return scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/04-replicas-on-two-pools.toml",
                                   overrides, MOESAIC_SOURCE_DIR, need);
}

} // namespace

TEST_CASE("a plan that does not say which of several pools it runs on is told how to", "[scenario]") {
    CHECK_THROWS_WITH(two_pools({"parallel={ tensor = 2 }"}, scenario::PlanNeed::needed),
                      Catch::Contains("parallel.pool: is missing: the scenario has several pools") &&
                          Catch::Contains("[[parallel.replica_kinds]]") &&
                          Catch::Contains("[[parallel.stages]]"));
}

TEST_CASE("a planner takes the practice of a plan that names none of several pools", "[scenario]") {
    auto const s = two_pools({"parallel={ tensor = 2, precision = \"fp8\", overlap_gradients = false }"},
                             scenario::PlanNeed::optional);
    CHECK(s.plan.kinds.empty());
    CHECK_FALSE(s.plan.overlap_gradients);
    CHECK(s.precision.gemm == Dtype::fp8);
    CHECK_THROWS_WITH(two_pools({"parallel={ tensr = 2 }"}, scenario::PlanNeed::optional),
                      Catch::Contains("parallel.tensr: is not a known key"));
}

TEST_CASE("a currency without an exchange rate is refused", "[scenario]") {
    CHECK_THROWS_WITH(two_pools({"currency=\"EURO\""}, scenario::PlanNeed::needed),
                      Catch::Contains("currency: there is no exchange rate for \"EURO\""));
    CHECK(two_pools({"currency=\"CNY\""}, scenario::PlanNeed::needed).currency == "CNY");
}

TEST_CASE("kernels said of a chip that there is not are refused, and host times below zero", "[scenario]") {
    auto const with = [](std::string const& practice) {
        return two_pools({"parallel={ tensor = 2, " + practice + " }"}, scenario::PlanNeed::optional);
    };
    std::string const on =
        "on = [{ source = \"mine\", chips = [\"nvidia_h100\"], products = { bf16 = 1.1 } }]";
    CHECK_THROWS_WITH(with(on), Catch::Contains("there is no chip \"nvidia_h100\"") &&
                                    Catch::Contains("nvidia_h100_sxm5"));
    CHECK_THROWS_WITH(with("host_layer = \"-1 ms\""),
                      Catch::Contains("parallel.host_layer: must not be negative"));
}

TEST_CASE("the shipped descriptions of software name chips of the catalogue", "[scenario]") {
    auto const ids = hardware::Catalogue{MOESAIC_SOURCE_DIR "/platforms"}.chip_ids();
    for (auto const& entry : std::filesystem::directory_iterator{MOESAIC_SOURCE_DIR "/scenarios/software"}) {
        auto const file = io::read_toml_file(entry.path().string());
        for (auto const* key : {"on", "attention"}) {
            for (auto const& part : file.tables(key)) {
                for (auto const& chip : part.texts("chips")) {
                    INFO(entry.path() << ": " << chip);
                    CHECK(std::ranges::binary_search(ids, chip.substr(0, chip.find(" ("))));
                }
            }
        }
    }
}
