#include "timing/profile.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::timing;

using File = TemporaryText;

namespace {

struct Read {
    std::vector<CollectiveRow> rows;
    std::vector<Remark> refused;
};
Read read(std::string const& text) {
    File const file{"collective.txt", text};
    Read out;
    out.refused = read_collective_test(file.path, [&](CollectiveRow const& row) { out.rows.push_back(row); });
    return out;
}
std::string ranks(std::vector<std::pair<int, std::string>> const& groups_and_hosts) {
    std::string out;
    for (auto const& [group, host] : groups_and_hosts) {
        out += "#  Rank  0 Group  " + std::to_string(group) + " Pid 21 on " + host +
               " device  0 [0x07] NVIDIA H100\n";
    }
    return out;
}
std::string const result = "1024 256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n";

} // namespace

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
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].text == "failed checks");
    CHECK(refused[0].rows == 1);
    CHECK(refused[0].first.line == 8);
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
    CHECK(read_collective_test(hccl.path, [&](CollectiveRow const& row) { rows.push_back(row); }).size() ==
          1);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].bytes == 8388608);
    CHECK(rows[0].time.value() == Approx(245.1e-6));
    CHECK(rows[0].dtype == "unspecified"); // it does not say
    File const strange{"strange.txt",
                       "all_reduce_perf\n-8 1.0 1.0 success\n8 inf 1.0 success\n1e300 1.0 1.0 success\n"
                       "16 2.0 1.0 success\n"};
    CHECK(read_collective_test(strange.path, [](CollectiveRow const&) {}).at(0).rows == 3);
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
    CHECK(read_collective_test(both.path, [&](CollectiveRow const& row) { rows.push_back(row); }).empty());
    REQUIRE(rows.size() == 3);
    for (auto const& row : rows) {
        CHECK(row.ranks == 2);
    }
    CHECK(rows[0].op == "all_reduce");
    CHECK(rows[1].op == "all_gather");
    CHECK(rows[2].op.empty()); // its head does not say
}

TEST_CASE("older tests without redop and root have their times where they have them", "[timing]") {
    std::string const head = "#  Rank  0 Pid 1 on a device 0\n#  Rank  1 Pid 1 on a device 1\n";
    auto const got = read("./all_gather_perf -b 8M\n" + head +
                          "8388608 1048576 float 77.0 108.9 54.5 0e+00 78.0 107.5 53.8 0e+00\n" +
                          "./reduce_scatter_perf -b 8M\n" + head +
                          "8388608 1048576 float sum 77.0 108.9 54.5 0e+00 78.0 107.5 53.8 0e+00\n");
    CHECK(got.refused.empty());
    REQUIRE(got.rows.size() == 2);
    CHECK(got.rows[0].op == "all_gather");
    CHECK(got.rows[0].time.value() == Approx(77e-6));
    CHECK(got.rows[1].time.value() == Approx(77e-6));
}

TEST_CASE("tests of what the tables have no operation for are refused by name", "[timing]") {
    for (std::string const test : {"alltoallv", "reduce", "gather", "sparse_reduce"}) {
        INFO(test);
        auto const head = "# Collective test starting: " + test + "_perf\n" + ranks({{0, "a"}, {0, "a"}});
        CHECK_THROWS_WITH(read(head + result), Catch::Contains("what " + test + " tests"));
        auto const got = read(head + result + "# Collective test starting: alltoall_perf\n" +
                              ranks({{0, "a"}, {0, "a"}}) + result);
        REQUIRE(got.rows.size() == 1);
        CHECK(got.rows[0].op == "all_to_all");
        CHECK(got.refused.at(0).rows == 1);
    }
}

TEST_CASE("number formats that the tables lack stand without a name", "[timing]") {
    auto const line = [](std::string const& type) {
        return "1024 256 " + type + " sum -1 7 1 1 0 6 1 1 0\n";
    };
    auto const got = read("./all_reduce_perf\n" + ranks({{0, "a"}, {0, "a"}}) + line("int32") +
                          line("fp8_e4m3") + line("f8e5m2") + line("uint64") + line("half"));
    REQUIRE(got.rows.size() == 5);
    CHECK(got.rows[0].dtype == "unspecified");
    CHECK(got.rows[1].dtype == "fp8");
    CHECK(got.rows[2].dtype == "fp8");
    CHECK(got.rows[3].dtype == "unspecified");
    CHECK(got.rows[4].dtype == "fp16");
}

TEST_CASE("ranks of a split test are those of one communicator", "[timing]") {
    std::string const head = "# Collective test starting: all_reduce_perf\n";
    auto const got = read(head + ranks({{0, "a"}, {1, "a"}, {0, "b"}, {1, "b"}}) + result);
    REQUIRE(got.rows.size() == 1);
    CHECK(got.rows[0].ranks == 2);
    CHECK(got.rows[0].nodes == 2);
    CHECK_THROWS_WITH(read(head + ranks({{0, "a"}, {1, "a"}, {0, "b"}}) + result),
                      Catch::Contains("communicators differ"));
}

TEST_CASE("what mpirun puts before each line is passed over", "[timing]") {
    auto const got =
        read("[1,0]<stdout>:# Collective test starting: all_reduce_perf\n[1,0]<stdout>:" + ranks({{0, "a"}}) +
             "[1,0]<stdout>:" + ranks({{0, "a"}}) + "[1,0]<stdout>:" + result);
    REQUIRE(got.rows.size() == 1);
    CHECK(got.rows[0].ranks == 2);
}

TEST_CASE("a size that is no whole number of bytes is refused", "[timing]") {
    auto const read_back = read("0.68 256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n" + result);
    REQUIRE(read_back.rows.size() == 1);
    REQUIRE(read_back.refused.size() == 1);
    CHECK(read_back.refused[0].text == "no time, or a size or time that cannot be");
}

TEST_CASE("a file that is no text is no output of a test", "[timing]") {
    CHECK_THROWS_WITH(read("./all_reduce_perf\n" + std::string(64, '\0')),
                      Catch::Contains(":2:") && Catch::Contains("no text"));
    CHECK_THROWS_WITH(read(std::string(2 << 20, 'x')), Catch::Contains("longer than 1 MiB"));
}
