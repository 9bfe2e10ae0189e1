#include "run_program.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>

using namespace moesaic;
using Catch::Matchers::Contains;
using Catch::Matchers::WithinRel;
using nlohmann::json;

namespace {

/// The only time that the program tells.
json only_time(std::string const& arguments) {
    auto const ran = run_program("clusters time --json " + arguments);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    auto const times = json::parse(ran.out).at("times");
    REQUIRE(times.size() == 1);
    return times.at(0);
}

constexpr double gib = 1073741824.0;

} // namespace

TEST_CASE("clusters time tells each algorithm's time, its bandwidths and what a rank sends", "[cli]") {
    auto const ran = run_program("clusters time h100_16384 --json --ranks 16 --bytes '1 GiB'");
    REQUIRE(ran.exit_code == 0);
    auto const answer = json::parse(ran.out);
    CHECK(answer.at("nodes") == 2);
    std::map<std::string, json> by_name;
    for (auto const& row : answer.at("times")) {
        by_name[row.at("algorithm")] = row;
    }
    CHECK(by_name.size() == 5); // as the library chose, ring, tree, direct, hierarchical
    auto const& ring = by_name.at("ring");
    auto const sent = 2.0 * gib * 15.0 / 16.0;
    CHECK_THAT(ring.at("rank_sends_inside_bytes").get<double>(), WithinRel(sent * 7.0 / 8.0, 1e-12));
    CHECK_THAT(ring.at("rank_sends_over_nic_bytes").get<double>(), WithinRel(sent / 8.0, 1e-12));
    auto const seconds = ring.at("time_s").get<double>();
    CHECK_THAT(ring.at("algorithm_bytes_per_s").get<double>(), WithinRel(gib / seconds, 1e-12));
    CHECK_THAT(ring.at("bus_bytes_per_s").get<double>(), WithinRel(sent / seconds, 1e-12));
    CHECK(seconds > sent / 8.0 / 50e9); // a NIC is no faster than its line
    CHECK(seconds < 1.5 * sent / 8.0 / 50e9);
}

TEST_CASE("clusters time has a row for each size, and a table for the screen", "[cli]") {
    auto const ran =
        run_program("clusters time h800_4096 --ranks 8 --collective all_to_all --bytes 1MiB 64MiB "
                    "--algorithm direct");
    CHECK(ran.exit_code == 0);
    CHECK_THAT(ran.out, Contains("all_to_all of 8 ranks on a node of h800_4096"));
    CHECK_THAT(ran.out, Contains("1 MiB  direct") && Contains("64 MiB  direct") && Contains("busbw"));
}

TEST_CASE("clusters time takes a part of each node, fewer and slower NICs", "[cli]") {
    std::string const two_of_each = "h100_16384 --ranks 4 --bytes 1GiB --algorithm ring --per-node 2 ";
    auto const seconds = [&](std::string const& further) {
        return only_time(two_of_each + further).at("time_s").get<double>();
    };
    auto const own_nics = seconds("");
    CHECK(own_nics > 2.0 * gib * 3.0 / 4.0 / 2.0 / 50e9); // half of what a rank sends leaves its node
    CHECK(seconds("--nics 4") > 1.9 * own_nics);
    CHECK(seconds("--nic-bandwidth '100 Gbit/s'") > 3.8 * own_nics);
}

TEST_CASE("A ring's sum gets no more of NVLink than passing on does, whatever the switch sums", "[cli]") {
    auto const bus = [](std::string const& algorithm) {
        return only_time("h100_16384 --ranks 8 --bytes 4GiB --algorithm " + algorithm)
            .at("bus_bytes_per_s")
            .get<double>();
    };
    CHECK(bus("automatic") > 440e9); // NVLS
    CHECK(bus("ring") < 380e9);
}

TEST_CASE("clusters time says what it cannot do", "[cli]") {
    auto const says = [](std::string const& arguments, std::string const& words) {
        auto const ran = run_program("clusters time h100_16384 " + arguments + " 2>&1");
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.out, Contains(words));
    };
    says("--ranks 8 --bytes 1GiB --algorithm rign", "no all_reduce is carried out by \"rign\"");
    says("--ranks 8 --bytes 1GiB --collective all_to_all --algorithm ring",
         "no all_to_all is carried out by \"ring\"");
    says("--ranks 8 --bytes 1GiB --collective allreduce", "\"allreduce\" is no collective");
    says("--ranks 8 --bytes lots", "\"lots\" is no size above 0");
    says("--ranks 1 --bytes 1GiB", "room for 2 to 16384");
    says("--ranks 16 --bytes 1GiB --per-node 3", "do not spread evenly over the 8 chips of a node");
    says("--ranks 16 --bytes 1GiB --nics 9", "has 8 chips");
    says("--ranks 16 --bytes 1GiB --nics 3", "not shared alike by the 8 chips");
    says("--ranks 16 --bytes 1GiB --nics -1", "--nics");
    says("--ranks 16 --bytes 1GiB --nic-bandwidth fast", "\"fast\" is no rate above 0");
}

TEST_CASE("clusters time refuses sizes that no collective has", "[cli]") {
    auto const ran = run_program("clusters time h100_16384 --ranks 64 --bytes '1e300 GiB'");
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Contains("up to 1e18 bytes"));
}
