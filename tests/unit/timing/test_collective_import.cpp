#include "timing/profile.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::timing;

using File = TemporaryText;

TEST_CASE("tests of collectives: out-of-place times, ranks and nodes from the head, failed checks refused",
          "[timing]") {
    File const nccl{"nccl.txt",
                    "# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 1 minBytes 1024\n"
                    "#  Rank  0 Group  0 Pid 21 on host-a device  0 [0x07] NVIDIA H100\n"
                    "#  Rank  1 Group  0 Pid 22 on host-b device  0 [0x07] NVIDIA H100\n"
                    "#       size  count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"
                    "           0      0 float sum -1 5.1 0 0 0 5.2 0 0 0\n"
                    "        1024    256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n"
                    "        2048    512 float sum -1 8.00 0.14 0.28 3 6.68 0.15 0.31 0\n"
                    "# Avg bus bandwidth    : 0.3\n"};
    std::vector<CollectiveRow> rows;
    auto const refused =
        read_collective_test(nccl.path, [&](CollectiveRow const& row) { rows.push_back(row); });
    CHECK(refused == 1);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].op == "all_reduce");
    CHECK(rows[0].bytes == 1024);
    CHECK(rows[0].ranks == 2);
    CHECK(rows[0].nodes == 2);
    CHECK(rows[0].dtype == "fp32");
    CHECK(rows[0].time.value() == Approx(7.31e-6));
    File const hccl{"hccl.txt", "the minbytes is 8192, maxbytes is 2147483648, iters is 20\n"
                                "data_size(Bytes): | aveg_time(us): | alg_bandwidth(GB/s): | check_result:\n"
                                "8388608           | 245.10         | 34.22                | success\n"
                                "16777216          | 400.00         | 41.94                | failed\n"};
    rows.clear();
    CHECK(read_collective_test(hccl.path, [&](CollectiveRow const& row) { rows.push_back(row); }) == 1);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].bytes == 8388608);
    CHECK(rows[0].time.value() == Approx(245.1e-6));
    File const strange{"strange.txt",
                       "all_reduce_perf\n-8 1.0 1.0 success\n8 inf 1.0 success\n1e300 1.0 1.0 success\n"
                       "16 2.0 1.0 success\n"};
    CHECK(read_collective_test(strange.path, [](CollectiveRow const&) {}) == 3);
    File const nothing{"nothing.txt", "no results here\n"};
    CHECK_THROWS_WITH(read_collective_test(nothing.path, [](CollectiveRow const&) {}),
                      Catch::Contains("holds no results"));
}

TEST_CASE("each test of collectives in a file has ranks and a name of its own", "[timing]") {
    auto const test = [](std::string const& name) {
        return name + "# nThread 1 nGpus 2\n#  Rank  0 Pid 1 on a device 0\n#  Rank  1 Pid 1 on a device 1\n"
                      "1024 256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n# Avg bus bandwidth : 1\n";
    };
    File const both{"both.txt", test("+ ./all_reduce_perf -b 1K\n") + test("+ ./all_gather_perf -b 1K\n") +
                                    test("# Collective test concluded: all_gather_perf\n")};
    std::vector<CollectiveRow> rows;
    CHECK(read_collective_test(both.path, [&](CollectiveRow const& row) { rows.push_back(row); }) == 0);
    REQUIRE(rows.size() == 3);
    for (auto const& row : rows) {
        CHECK(row.ranks == 2);
    }
    CHECK(rows[0].op == "all_reduce");
    CHECK(rows[1].op == "all_gather");
    CHECK(rows[2].op.empty()); // its head does not say
}
