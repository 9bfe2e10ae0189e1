#include "run_program.hpp"
#include "skipped.hpp"
#include "temporary_file.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace moesaic;
using nlohmann::json;

namespace {

std::string const header = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n";

using Table = TemporaryText;

} // namespace

TEST_CASE("timings check predicts rows of a file anywhere and says how far off it was", "[cli]") {
    // 2 x 4096^3 FLOP in 200 us are 687 TFLOP/s of 989: a time that H100 reaches
    Table const rows{"moesaic_check_rows.csv",
                     header + "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,200,mine,MIT\n"
                              "nobodys-chip,gemm,bf16,4096,4096,4096,1,kern=x,200,mine,MIT\n"};
    auto const ran = run_program("timings check " + rows.path + " --json");
    REQUIRE(ran.exit_code == 0);
    auto const report = json::parse(ran.out);
    REQUIRE(report["groups"].size() == 1);
    auto const& group = report["groups"][0];
    CHECK(group["op"] == "gemm");
    CHECK(group["dtype"] == "bf16");
    CHECK(group["chip"] == "H100-SXM5-80GB");
    CHECK(group["rows"] == 1);
    CHECK(group["median_abs_error"] == group["p90_abs_error"]);
    CHECK(group["median_abs_error"].get<double>() < 0.5);
    CHECK(group["interval_80_coverage"].is_number());
    CHECK(report["by_op"][0]["op"] == "gemm");
    CHECK(report["by_op"][0]["rows"] == 1);
    CHECK(report["rows_unpredicted"] == 1);
}

TEST_CASE("timings check leaves out rows that cannot be, and says so", "[cli]") {
    // 2 x 4096^3 FLOP in 10 us are 13,744 TFLOP/s
    Table const rows{"moesaic_check_fast.csv",
                     header + "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,10,mine,MIT\n"
                              "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,200,mine,MIT\n"};
    auto const ran = run_program("timings check " + rows.path + " --json");
    REQUIRE(ran.exit_code == 0);
    CHECK(json::parse(ran.out)["groups"][0]["rows"] == 1);
    CHECK_THAT(ran.err, Catch::Contains(rows.path + ":2") && Catch::Contains("1 row refused: faster than"));
}

TEST_CASE("a check that has nothing to compare is an error that says why", "[cli]") {
    Table const rows{"moesaic_check_alone.csv",
                     header + "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,200,mine,MIT\n"};
    auto const alone = run_program("timings check --transfer " + rows.path);
    CHECK((alone.exit_code == 2 && alone.out.empty()));
    CHECK_THAT(alone.err, Catch::Contains(rows.path) && Catch::Contains("no row here can be compared") &&
                              Catch::Contains("of several chips"));
    Table const strange{"moesaic_check_strange.csv",
                        header + "nobodys-chip,gemm,bf16,4096,4096,4096,1,kern=x,200,mine,MIT\n"};
    CHECK_THAT(run_program("timings check " + strange.path).err,
               Catch::Contains("rows with nothing comparable in the tables: 1"));
}

TEST_CASE("timings check predicts a row that --timings holds exactly", "[cli]") {
    Table const rows{"moesaic_check_known.csv",
                     header + "H100-SXM5-80GB,gemm,bf16,4000,4100,4200,1,kern=x,250,mine,MIT\n"};
    auto const ran = run_program("timings check " + rows.path + " --timings " + rows.path + " --json");
    REQUIRE(ran.exit_code == 0);
    CHECK(json::parse(ran.out)["groups"][0]["median_abs_error"].get<double>() < 1e-9);
}

TEST_CASE(
    "timings list counts what was refused: unknown operations, impossible shapes, times beyond the peak",
    "[cli]") {
    // 2 x 4096^3 FLOP in 10 us are 13,744 TFLOP/s
    Table const rows{"moesaic_list_refused.csv",
                     header + "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,10,mine,MIT\n"
                              "H100-SXM5-80GB,warp_drive,bf16,4096,4096,4096,1,kern=x,10,mine,MIT\n"
                              "H100-SXM5-80GB,gemm,bf16,4096,0,4096,1,kern=x,10,mine,MIT\n"
                              "H100-SXM5-80GB,gemm,bf16,4096,4096,4096,1,kern=x,300,mine,MIT\n"};
    auto const ran = run_program("timings list " + rows.path + " --json");
    REQUIRE(ran.exit_code == 0);
    auto const report = json::parse(ran.out);
    auto const table =
        std::ranges::find_if(report["tables"], [&](json const& t) { return t["file"] == rows.path; });
    REQUIRE(table != report["tables"].end());
    CHECK((*table)["rows"] == 1);
    CHECK((*table)["rows_refused"] == 3);
    CHECK_THAT(ran.err, Catch::Contains("faster than 1.02 times the peak of H100-SXM5-80GB") &&
                            Catch::Contains("unknown operation warp_drive") &&
                            Catch::Contains("a product with a size of 0"));
}

TEST_CASE("times that cannot be are errors that name file, line and field", "[cli]") {
    for (std::string const time : {"-3", "nan", "0", "inf", "soon"}) {
        Table const rows{"moesaic_bad_time.csv",
                         header + "H100-SXM5-80GB,gemm,bf16,64,64,64,1,," + time + ",mine,MIT\n"};
        auto const ran = run_program("timings check " + rows.path);
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::Contains(rows.path + ":2") && Catch::Contains("time_us"));
    }
}

TEST_CASE("timings condense writes a grid that gives its rows back", "[cli]") {
    std::string table = header;
    for (int m = 256; m <= 8192; m *= 2) { // half the peak of 989 TFLOP/s at every size
        table += "H100-SXM5-80GB,gemm,bf16," + std::to_string(m) + ",4096,4096,1,kern=x," +
                 std::to_string(2.0 * m * 4096 * 4096 / 494.5e12 * 1e6) + ",mine,MIT\n";
    }
    Table const rows{"moesaic_condense.csv", table};
    auto const folder = rows.path + ".grids";
    auto const ran =
        run_program("timings condense " + rows.path + " -o " + folder + " --chip nvidia_h100_sxm5 --json");
    REQUIRE(ran.exit_code == 0);
    auto const file = json::parse(ran.out)["files"][0]["file"].get<std::string>();
    auto const listed = json::parse(run_program("timings list " + file + " --json").out);
    auto const mine =
        std::ranges::find_if(listed["tables"], [&](json const& t) { return t["file"] == file; });
    REQUIRE(mine != listed["tables"].end());
    CHECK((*mine)["rows"] == 6); // one cell of a factor of two for each m
    std::filesystem::remove_all(folder);
}

TEST_CASE("timings coverage splits the step by kernel and lists what is not measured", "[cli]") {
    TemporaryFile const missing{"moesaic_missing.csv"};
    auto const ran =
        run_program("timings coverage " + tutorial("01-one-node.toml") + " --json --missing " + missing.path);
    REQUIRE(ran.exit_code == 0);
    auto const report = json::parse(ran.out);
    double share = 0;
    for (auto const& kernel : report["kernels"]) {
        share += kernel["share"].get<double>();
        CHECK(kernel["times_per_step"].get<std::int64_t>() > 0);
        CHECK(kernel["relative_uncertainty"].get<double>() >= 0);
    }
    // the time that a rank computes in this scenario is 94 to 95 % of the step
    CHECK(share == Approx(0.945).margin(0.02));
    auto const& first = report["kernels"][0];
    CHECK(first["op"] == "grouped_gemm");
    CHECK(first["nearest"].size() <= 3);
    std::ifstream in{missing.path};
    std::string head, line;
    std::getline(in, head);
    CHECK(head == "chip,op,dtype,m,n,k,batch,extra,evidence,share");
    std::getline(in, line);
    CHECK_THAT(line, Catch::StartsWith("H20,grouped_gemm,bf16,"));
}

TEST_CASE("timings coverage tells the experts' time on the most loaded rank and on the mean one", "[cli]") {
    auto const experts_of = [](std::string const& setting) {
        auto const ran =
            run_program("timings coverage " + tutorial("01-one-node.toml") + " --json" + setting);
        REQUIRE(ran.exit_code == 0);
        auto const report = json::parse(ran.out);
        auto const& experts = report["experts"];
        auto const step = report["step_time_s"].get<double>();
        return std::pair{step * experts["share_most_loaded_rank"].get<double>(),
                         step * experts["share_mean_rank"].get<double>()};
    };
    auto const even = experts_of("");
    CHECK(even.first == Approx(even.second));
    auto const skewed = experts_of(" --set parallel.expert_imbalance=1.5");
    CHECK(skewed.second == Approx(even.second).epsilon(0.01)); // the mean does not depend on the skew
    // half as many rows again take half as long again, a little less where small products fill the chip badly
    CHECK(skewed.first / skewed.second > 1.3);
    CHECK(skewed.first / skewed.second < 1.55);
}

TEST_CASE("a kernel that --timings measured is covered and no longer missing", "[cli]") {
    TemporaryFile const missing{"moesaic_missing_first.csv"}, left{"moesaic_missing_then.csv"};
    REQUIRE(run_program("timings coverage " + tutorial("01-one-node.toml") + " --missing " + missing.path)
                .exit_code == 0);
    // every missing kernel "measured": a slow 1 s each
    std::ifstream in{missing.path};
    std::string rows = header, line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        auto const evidence = line.rfind(',', line.rfind(',') - 1);
        rows += line.substr(0, evidence) + ",1000000,mine,MIT\n";
    }
    Table const measured{"moesaic_all_measured.csv", rows};
    auto const ran = run_program("timings coverage " + tutorial("01-one-node.toml") + " --json --timings " +
                                 measured.path + " --missing " + left.path);
    REQUIRE(ran.exit_code == 0);
    std::ifstream after{left.path};
    std::string rest{std::istreambuf_iterator<char>{after}, {}};
    CHECK(rest == "chip,op,dtype,m,n,k,batch,extra,evidence,share\n");
}

TEST_CASE("timings import writes a table that a run takes, and says what it could not map", "[cli]") {
    Table const trace{"import.json", R"json({"traceEvents": [
      {"ph":"X","cat":"cpu_op","name":"aten::mm","ts":1,"dur":5,"args":{"External id":1,
       "Input Dims":[[4096,4096],[4096,4096]],"Input type":["c10::BFloat16","c10::BFloat16"]}},
      {"ph":"X","cat":"kernel","name":"gemm","ts":10,"dur":300,"args":{"External id":1}},
      {"ph":"X","cat":"kernel","name":"gemm","ts":400,"dur":1,"args":{"External id":1}},
      {"ph":"X","cat":"kernel","name":"gemm","ts":800,"dur":300,"args":{"External id":1}},
      {"ph":"X","cat":"kernel","name":"mystery","ts":1200,"dur":100,"args":{}}]})json"};
    TemporaryFile const table{"import.csv"};
    auto const ran = run_program("timings import --from kineto " + trace.path +
                                 " --chip nvidia_h100_sxm5 -o " + table.path + " --json");
    REQUIRE(ran.exit_code == 0);
    auto const report = json::parse(ran.out);
    CHECK(report["rows"] == 1);
    CHECK(report["calls"] == 4);
    CHECK(report["mapped_share"].get<double>() == Approx(601.0 / 701));
    CHECK(report["unmapped"][0]["kernel"] == "mystery");
    CHECK(report["unmapped"][0]["share"].get<double>() == Approx(100.0 / 701));
    auto const checked =
        json::parse(run_program("timings check " + table.path + " --timings " + table.path + " --json").out);
    CHECK(checked["groups"][0]["rows"] == 1);
    CHECK(checked["groups"][0]["median_abs_error"].get<double>() < 1e-9);
}

TEST_CASE("timings import refuses what it cannot read with one line", "[cli]") {
    Table const cut{"cut.json", R"({"traceEvents": [{"ph":"X","cat":"kernel","name":"gemm","ts":10,"dur":3)"};
    TemporaryFile const out{"never.csv"};
    auto const truncated =
        run_program("timings import --from kineto " + cut.path + " --chip nvidia_h100_sxm5 -o " + out.path);
    CHECK(truncated.exit_code == 2);
    CHECK_THAT(truncated.err, Catch::Contains("is cut off"));
    auto const no_chip = run_program("timings import --from kineto " + cut.path + " -o " + out.path);
    CHECK(no_chip.exit_code == 2);
    CHECK_THAT(no_chip.err, Catch::Contains("--chip"));
    auto const unknown =
        run_program("timings import --from kineto " + cut.path + " --chip h999 -o " + out.path);
    CHECK(unknown.exit_code == 2);
    CHECK_THAT(unknown.err, Catch::Contains("no chip \"h999\""));
    CHECK_FALSE(std::filesystem::exists(out.path));
}

TEST_CASE("timings import takes no folder and nothing compressed, whatever the format", "[cli]") {
    Table const packed{"packed.csv", "\x1f\x8b\x08 and so on"};
    TemporaryFile const out{"never.csv"}, folder{"folder"};
    std::filesystem::create_directory(folder.path);
    for (std::string const format : {"kineto", "nsys", "rocprof", "msprof", "chakra", "nccl-tests", "csv"}) {
        auto const import = [&](std::string const& file) {
            return run_program("timings import --from " + format + " " + file +
                               " --chip nvidia_h100_sxm5 -o " + out.path);
        };
        INFO(format);
        auto const of_packed = import(packed.path), of_folder = import(folder.path);
        CHECK(of_packed.exit_code == 2);
        CHECK_THAT(of_packed.err, Catch::Contains("is compressed"));
        CHECK(of_folder.exit_code == 2);
        CHECK_THAT(of_folder.err, Catch::Contains("is a folder"));
    }
}

TEST_CASE("names of kernels cannot break the lines of the report", "[cli]") {
    Table const trace{"names.json", R"json({"traceEvents": [
      {"ph":"X","cat":"kernel","name":"two\nlines \u001b[31m","ts":10,"dur":300,"args":{}}]})json"};
    TemporaryFile const table{"names.csv"};
    auto const ran = run_program("timings import --from kineto " + trace.path +
                                 " --chip nvidia_h100_sxm5 -o " + table.path);
    CHECK(ran.exit_code == 0);
    CHECK_THAT(ran.out, Catch::Contains("two\\nlines \\x1b[31m\n"));
}

TEST_CASE("options for collectives do not overrule what the file says", "[cli]") {
    Table const test{"test.txt",
                     "./all_reduce_perf\n#  Rank  0 Pid 1 on a device 0\n#  Rank  1 Pid 1 on b device 0\n"
                     "1024 256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n"};
    TemporaryFile const table{"collectives.csv"};
    auto const import = [&](std::string const& options) {
        return run_program("timings import --from nccl-tests " + test.path + " --chip nvidia_h100_sxm5 -o " +
                           table.path + options);
    };
    CHECK(import(" --op all_reduce --ranks 2 --nodes 2").exit_code == 0);
    Table const other{"reduce.txt",
                      "# Collective test starting: reduce_perf\n#  Rank  0 Pid 1 on a device 0\n"
                      "#  Rank  1 Pid 1 on b device 0\n"
                      "1024 256 float sum -1 7.31 0.14 0.28 0 6.68 0.15 0.31 0\n"};
    auto const reduced = run_program("timings import --from nccl-tests " + other.path +
                                     " --op all_reduce --chip nvidia_h100_sxm5 -o " + table.path);
    CHECK(reduced.exit_code == 2);
    CHECK_THAT(reduced.err, Catch::Contains("no operation of the tables is what reduce tests"));
    for (auto const& [option, both] : {std::pair{" --op all_gather", "is all_gather, but "},
                                       {" --ranks 4", "is 4, but "},
                                       {" --nodes 1", "is 1, but "}}) {
        auto const ran = import(option);
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::Contains(both) && Catch::Contains("says"));
    }
}

TEST_CASE("results of one collective that the tables do not tell apart are one row, their median", "[cli]") {
    auto const line = [](std::string const& type, std::string const& time) {
        return "1024 256 " + type + " sum -1 " + time + " 0.14 0.28 0 6.68 0.15 0.31 0\n";
    };
    Table const test{"types.txt",
                     "./all_reduce_perf\n#  Rank  0 Pid 1 on a device 0\n#  Rank  1 Pid 1 on a device 1\n" +
                         line("int32", "7") + line("uint32", "9") + line("float", "5")};
    TemporaryFile const table{"types.csv"};
    auto const ran = run_program("timings import --from nccl-tests " + test.path +
                                 " --chip nvidia_h100_sxm5 -o " + table.path);
    REQUIRE(ran.exit_code == 0);
    std::ifstream in{table.path};
    std::string const rows{std::istreambuf_iterator<char>{in}, {}};
    CHECK(std::ranges::count(rows, '\n') == 3);
    CHECK_THAT(rows, Catch::Contains("all_reduce,fp32,1024,0,0,2,,5,"));
    CHECK_THAT(rows, Catch::Contains("all_reduce,unspecified,1024,0,0,2,,8,"));
}

TEST_CASE("rows of an import that beat the peak are told at once", "[cli]") {
    Table const trace{"fast.json", R"json({"traceEvents": [
      {"ph":"X","cat":"cpu_op","name":"aten::mm","ts":1,"dur":5,"args":{"External id":1,
       "Input Dims":[[4096,4096],[4096,4096]],"Input type":["c10::BFloat16","c10::BFloat16"]}},
      {"ph":"X","cat":"kernel","name":"gemm","ts":10,"dur":3,"args":{"External id":1}}]})json"};
    TemporaryFile const table{"fast.csv"};
    auto const ran = run_program("timings import --from kineto " + trace.path +
                                 " --chip nvidia_h100_sxm5 -o " + table.path);
    CHECK(ran.exit_code == 0);
    CHECK_THAT(ran.err, Catch::Contains("a run will refuse 1 rows: faster than 1.02 times the peak"));
}

TEST_CASE("DeepSeek's own kernel timings bring a step of DeepSeek-V3 near the published hours", "[cli]") {
    std::string const trace = MOESAIC_SOURCE_DIR "/../shared/traces/deepseek-v3-h800-dualpipe.json";
    if (!std::filesystem::exists(trace)) {
        test::tell_skipped("DeepSeek's profile is not beside this checkout");
        return;
    }
    TemporaryFile const table{"deepseek.csv"};
    REQUIRE(run_program("timings import --from kineto " + trace +
                        " --chip nvidia_h800_sxm5 --rules " MOESAIC_SOURCE_DIR
                        "/platforms/timings/kernel_rules/deepseek_v3_dualpipe.toml -o " +
                        table.path)
                .exit_code == 0);
    // the profile's kernels ran on 112 of 132 SMs: the share that the exchange takes is in their times already
    auto const ran =
        run_program("run " MOESAIC_SOURCE_DIR "/scenarios/papers/deepseek_v3/h800_2048.toml --json "
                    "--timings-alone --set parallel.communication_share=0 --timings " +
                    table.path);
    REQUIRE(ran.exit_code == 0);
    auto const hours = json::parse(ran.out)["chip_hours_per_trillion_tokens"].get<double>();
    CHECK(hours > 0.80 * 180000); // published; nothing is tuned to it
    CHECK(hours < 1.10 * 180000);
}
