#include "hardware/cluster.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::hardware;
using Catch::Matchers::Contains;

namespace {

Chip chip_of_test() {
    Chip chip;
    chip.id = "x";
    chip.scale_up_bandwidth = Fact<BytesPerSecond>{.value = BytesPerSecond{300e9}, .source = "s"};
    chip.nic_bandwidth = Fact<BytesPerSecond>{.value = BytesPerSecond{25e9}, .source = "s"};
    return chip;
}

std::string const time_fact = R"({ value = "1 us", source = "s", confidence = "estimate" })";

/// @param kind of the scale-up link  @param nic the table [nic] without its latency
std::string node_text(std::string const& chips, std::string const& kind, std::string const& nic) {
    return "id = \"n\"\nname = \"N\"\nchip = \"x\"\nchips = " + chips +
           "\nsource = \"s\"\nconfidence = \"press\"\n[scale_up]\nkind = \"" + kind +
           "\"\nlatency = " + time_fact + "\n[nic]\n" + nic + "\nlatency = " + time_fact + "\n";
}

NodeType node_of(std::string const& chips, std::string const& kind, std::string const& nic) {
    return read_node(io::parse_toml(node_text(chips, kind, nic), "n.toml"), chip_of_test());
}

Cluster cluster_of(std::string const& nodes, std::string const& kind, std::string const& oversubscription) {
    return read_cluster(
        io::parse_toml("id = \"c\"\nname = \"C\"\nnode = \"n\"\nnodes = " + nodes +
                           "\nsource = \"s\"\nconfidence = \"press\"\n[fabric]\nkind = \"" + kind +
                           "\"\nnodes_per_leaf = 32\noversubscription = " + oversubscription +
                           "\nspine_latency = " + time_fact + "\nsource = \"s\"\nconfidence = \"estimate\"\n",
                       "c.toml"),
        node_of("8", "switched", "count = 8"));
}

} // namespace

TEST_CASE("a node takes the chip's own figures where its file gives none", "[hardware]") {
    auto const node = node_of("8", "full_mesh", "count = 8");
    CHECK(node.scale_up.bandwidth.value == BytesPerSecond{300e9});
    CHECK(node.nic_bandwidth.value == BytesPerSecond{25e9});
    CHECK(node.scale_up.kind == ScaleUpKind::full_mesh);
    CHECK(node.layout.confidence == Confidence::press);
}

TEST_CASE("fewer NICs than chips need their own bandwidth", "[hardware]") {
    CHECK_THROWS_WITH(node_of("8", "switched", "count = 4"),
                      Contains("nic.bandwidth") && Contains("is missing"));
    auto const node =
        node_of("8", "switched",
                "count = 4\nbandwidth = { value = \"400 Gbit/s\", source = \"s\", confidence = \"press\" }");
    CHECK(node.nic_bandwidth.value == BytesPerSecond{50e9});
}

TEST_CASE("a chip without scale-up figure needs one in the node", "[hardware]") {
    auto chip = chip_of_test();
    chip.scale_up_bandwidth.reset();
    CHECK_THROWS_WITH(read_node(io::parse_toml(node_text("8", "switched", "count = 8"), "n.toml"), chip),
                      Contains("scale_up.bandwidth") && Contains("chip x has no scale-up bandwidth"));
}

TEST_CASE("impossible nodes are refused where it stands", "[hardware]") {
    CHECK_THROWS_WITH(node_of("8", "switched", "count = 3"), Contains("cannot be shared evenly"));
    CHECK_THROWS_WITH(node_of("8", "switched", "count = 16"), Contains("cannot be shared evenly"));
    CHECK_THROWS_WITH(node_of("0", "switched", "count = 1"), Contains("n.toml:4:9: chips"));
    CHECK_THROWS_WITH(node_of("1", "full_mesh", "count = 1"), Contains("a full mesh has from 2"));
    CHECK_THROWS_WITH(node_of("100000", "full_mesh", "count = 1"), Contains("a full mesh has from 2"));
    CHECK_THROWS_WITH(node_of("9999999999", "switched", "count = 1"), Contains("must be 1000000 or less"));
    CHECK_THROWS_WITH(node_of("8", "full_mseh", "count = 8"), Contains("Did you mean full_mesh"));
}

TEST_CASE("a cluster counts its chips, and knows limits", "[hardware]") {
    CHECK(chips_of(cluster_of("512", "leaf_spine", "2")) == 4096);
    CHECK_THROWS_WITH(cluster_of("0", "leaf_spine", "1"), Contains("c.toml:4:9: nodes"));
    CHECK_THROWS_WITH(cluster_of("4294967297", "leaf_spine", "1"), Contains("must be 125000 or less"));
    CHECK_THROWS_WITH(cluster_of("2", "leaf_spine", "0.5"), Contains("fabric.oversubscription"));
    CHECK_THROWS_WITH(cluster_of("2", "leaf_spine", "nan"), Contains("fabric.oversubscription"));
    CHECK_THROWS_WITH(cluster_of("2", "hypercube", "1"), Contains("no known kind"));
}
