#include "imported.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

KernelRules product_rules() {
    return rules_of(
        "[[rule]]\nkernel = \"^gemm\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = 64\nn = 64\nk = 64\n");
}

/// A line of torch_npu's kernel_details.csv.
std::string npu_line(std::string const& type, std::string const& duration, std::string const& inputs,
                     std::string const& types, std::string const& outputs) {
    return fmt::format("name,{},AI_CORE,\"1724000000000001.120\t\",{},\"\"\"{}\"\"\",{},\"\"\"{}\"\"\"\n",
                       type, duration, inputs, types, outputs);
}
ImportResult imported(std::string const& lines) {
    File const csv{"kernel_details.csv", "Name,Type,Accelerator Core,Start Time(us),Duration(us),Input "
                                         "Shapes,Input Data Types,Output Shapes\n" +
                                             lines};
    return import(shipped_rules(), read_msprof_summary, csv.path);
}

} // namespace

TEST_CASE("kernel_details of torch_npu is read as op_summary is", "[timing]") {
    auto const result =
        imported(npu_line("MatMulV3", "70.5", "2048,4096;4096,8192", "DT_BF16;DT_BF16", "2048,8192"));
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].kernel.k == 4096);
    CHECK(result.rows[0].time.value() == Approx(70.5e-6));
}

TEST_CASE("leading dimensions of a product on Ascend are rows, and what is in blocks has no shape",
          "[timing]") {
    auto const folded =
        imported(npu_line("MatMulV3", "9", "2,4096,4096;4096,14336", "DT_BF16;DT_BF16", "2,4096,14336"));
    REQUIRE(folded.rows.size() == 1);
    CHECK(folded.rows[0].kernel.m == 8192);
    CHECK(folded.rows[0].kernel.n == 14336);
    CHECK(folded.rows[0].kernel.k == 4096);
    auto const blocks = imported(
        npu_line("MatMulV2", "9", "256,512,16,16;896,256,16,16", "DT_BF16;DT_BF16", "896,512,16,16"));
    CHECK(blocks.rows.empty());
    CHECK_THAT(blocks.unmapped.at(0).what, Catch::Contains("FRACTAL_NZ"));
}

TEST_CASE("grouped and quantised products on Ascend have rules", "[timing]") {
    auto const grouped = imported(npu_line("GroupedMatmul", "300", "16384,2048;16,2048,1408;;;;;;16",
                                           "DT_BF16;DT_BF16;;;;;;INT64", "16384,1408"));
    auto const* row = row_of(grouped, "grouped_gemm");
    REQUIRE(row != nullptr);
    CHECK(row->kernel.m == 1024);
    CHECK(row->kernel.n == 1408);
    CHECK(row->kernel.k == 2048);
    CHECK(row->kernel.batch == 16);
    auto const quantised = imported(
        npu_line("QuantBatchMatmulV3", "300", "8192,4096;4096,14336;14336", "INT8;INT8;FLOAT", "8192,14336"));
    REQUIRE(quantised.rows.size() == 1);
    CHECK(quantised.rows[0].kernel.dtype == "int8");
    CHECK(quantised.rows[0].kernel.k == 4096);
}

TEST_CASE("an addition on Ascend with a number for an operand is not mapped by the number's type",
          "[timing]") {
    auto const result = imported(npu_line("Add", "31", ";8192,4096", "DT_FLOAT;DT_BF16", "8192,4096"));
    CHECK(result.rows.empty());
    CHECK_THAT(result.unmapped.at(0).what, Catch::Contains("differ in shape or format"));
}

TEST_CASE("a duration that is not available costs its row alone", "[timing]") {
    auto const result = imported(npu_line("Cast", "N/A", "8,8", "DT_BF16", "8,8") +
                                 npu_line("MatMulV3", "70", "64,64;64,64", "DT_BF16;DT_BF16", "64,64"));
    CHECK(result.rows.size() == 1);
    REQUIRE(result.unmapped.size() == 1);
    CHECK(result.unmapped[0].what == "name: the profile has no time for it");
}

TEST_CASE("a summary of Nsight Systems may be in any unit and group its digits", "[timing]") {
    for (auto const& [unit, time] : {std::pair{"ns", "\"1,505,000.0\""},
                                     {"us", "1505.0"},
                                     {"\u03bcs", "\"1,505\""},
                                     {"\u00b5s", "1505"},
                                     {"ms", "1.505"},
                                     {"s", "0.001505"}}) {
        INFO(unit);
        File const csv{"nsys.csv",
                       fmt::format("Time (%),Total Time ({0}),Instances,Avg ({0}),Med ({0}),Name\n"
                                   "60.0,{1},1,{1},{1},gemm\n",
                                   unit, time)};
        auto const result = import(product_rules(), read_nsys_summary, csv.path);
        REQUIRE(result.rows.size() == 1);
        CHECK(result.rows[0].time.value() == Approx(1.505e-3));
        CHECK(result.time.value() == Approx(1.505e-3));
    }
}

TEST_CASE("a summary of Nsight Systems that is none says what is wrong with it", "[timing]") {
    auto const rules = product_rules();
    File const semicolons{"semi.csv", "Time (%);Total Time (ns);Instances;Avg (ns);Med (ns);Name\n"
                                      "60,0;3010000;2;1505000,0;1505000,0;gemm\n"};
    CHECK_THROWS_WITH(import(rules, read_nsys_summary, semicolons.path),
                      Catch::Contains(":1:") && Catch::Contains("separated by semicolons"));
    std::string const table = "Total Time (ns),Instances,Med (ns),Name\n3010000,2,1505000.0,gemm\n";
    File const two{"two.csv",
                   "talk\n" + table + "\nTotal Time (ns),Count,Med (ns),Operation\n1,1,1,[memcpy]\n"};
    CHECK_THROWS_WITH(import(rules, read_nsys_summary, two.path),
                      Catch::Contains(":4:") && Catch::Contains("more than one report"));
    File const bad{"bad.csv", "talk\n\n" + table + "3010000,2,soon,gemm\n"};
    CHECK_THROWS_WITH(import(rules, read_nsys_summary, bad.path),
                      Catch::Contains(":5:") && Catch::Contains("\"soon\" is no time"));
    File const ending{"ending.csv", table + "\n\n"};
    CHECK(import(rules, read_nsys_summary, ending.path).rows.size() == 1);
}
