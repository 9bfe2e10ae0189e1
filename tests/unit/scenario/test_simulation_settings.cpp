#include "io/toml.hpp"
#include "scenario/simulation_settings.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace moesaic;
using namespace moesaic::scenario;
using Catch::Matchers::Contains;

namespace {

SimulationSettings read(std::string const& text) {
    return read_simulation(io::parse_toml(text, "step.toml"));
}

/// 4 nodes of 2 chips with a NIC each, 2 nodes to a leaf.
hardware::Topology topology() {
    hardware::Cluster cluster{.id = "test", .name = "test"};
    cluster.node.id = "node";
    cluster.node.chips = 2;
    cluster.node.nics = 2;
    cluster.node.scale_up.bandwidth.value = BytesPerSecond{400e9};
    cluster.node.nic_bandwidth.value = BytesPerSecond{50e9};
    cluster.nodes = 4;
    cluster.fabric.kind = hardware::FabricKind::leaf_spine;
    cluster.fabric.nodes_per_leaf = 2;
    return hardware::Topology{{{cluster, 8}}, {}};
}

std::vector<std::int64_t> slow_chips(std::string const& text, std::uint64_t seed) {
    std::vector<std::int64_t> out;
    for (auto const& straggler : perturbations_of(read(text), topology(), seed).stragglers) {
        out.push_back(straggler.chip.index());
    }
    return out;
}

std::string const three = "[[stragglers]]\ncount = 3\nslowdown = 1.5\n";

} // namespace

TEST_CASE("A named chip is slow, and the seed draws others, each once", "[scenario]") {
    CHECK(slow_chips("[[stragglers]]\nchip = 5\nslowdown = 1.5\n", 1) == std::vector<std::int64_t>{5});
    auto const drawn = slow_chips(three, 1);
    CHECK(drawn.size() == 3);
    CHECK(std::ranges::adjacent_find(drawn) == drawn.end());
    CHECK(slow_chips(three, 1) == drawn);
    int unlike = 0;
    for (std::uint64_t seed = 2; seed < 12; ++seed) {
        unlike += slow_chips(three, seed) == drawn ? 0 : 1;
    }
    CHECK(unlike >= 5);
}

TEST_CASE("A slow link is that of the chip, out and in", "[scenario]") {
    auto const network = topology();
    auto const names = [&](std::string const& link) {
        auto const text = "[[slow_links]]\nchip = 3\nfactor = 0.5\nlink = \"" + link + "\"\n";
        std::vector<std::string> out;
        for (auto const& slow : perturbations_of(read(text), network, 1).slow_links) {
            CHECK(slow.factor == 0.5);
            out.push_back(network.link(slow.link).name);
        }
        return out;
    };
    CHECK(names("nic") == std::vector<std::string>{"pool0.node1.nic1.out", "pool0.node1.nic1.in"});
    CHECK(names("leaf") == std::vector<std::string>{"pool0.leaf0.0.uplink.out", "pool0.leaf0.0.uplink.in"});
    CHECK(names("scale_up") ==
          std::vector<std::string>{"pool0.node1.chip1.scale_up.out", "pool0.node1.chip1.scale_up.in"});
}

TEST_CASE("What cannot be wrong with a step is an error with its place", "[scenario]") {
    CHECK_THROWS_WITH(read("[[stragglers]]\nslowdown = 1.5\n"), Contains("step.toml:1") && Contains("count"));
    CHECK_THROWS_WITH(read("[[stragglers]]\nchip = 1\nslowdown = 0.5\n"),
                      Contains("step.toml:3") && Contains("1 or more"));
    CHECK_THROWS_WITH(read("[[slow_links]]\nchip = 1\nfactor = 0.0\n"), Contains("step.toml:3"));
    CHECK_THROWS_WITH(read("[[slow_links]]\nchip = 1\nfactor = 0.5\nfrom = \"2 s\"\nuntil = \"1 s\"\n"),
                      Contains("step.toml:5"));
    CHECK_THROWS_WITH(read("jitter = -1.0\n"), Contains("step.toml:1"));
    CHECK_THROWS_WITH(read("fold = \"some\"\n"), Contains("\"some\" is not known"));
    CHECK_THROWS_WITH(slow_chips("[[stragglers]]\nchip = 8\nslowdown = 1.5\n", 1), Contains("8 chips only"));
}
