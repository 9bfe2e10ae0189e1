#include "imported.hpp"
#include "skipped.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <limits>

using namespace moesaic;
using namespace moesaic::timing;

TEST_CASE("a PyTorch trace gives the shapes of the operations that launched its kernels", "[timing]") {
    // two products of one shape (100 and 300 us), one attention, a table's rows, one unknown kernel; attention and rows are
    // launched from within, as PyTorch does
    File const trace{"kineto.json", R"json({"schemaVersion": 1, "traceEvents": [
      {"ph":"X","cat":"cpu_op","name":"aten::mm","pid":1,"tid":1,"ts":1700000000000000,"dur":5,"args":{"External id":1,
       "Input Dims":[[512,1024],[1024,2048]],"Input type":["c10::BFloat16","c10::BFloat16"]}},
      {"ph":"X","cat":"cuda_runtime","name":"cudaLaunchKernel","ts":1700000000000001,"dur":1,"args":{"correlation":11}},
      {"ph":"X","cat":"cpu_op","name":"aten::mm","pid":1,"tid":1,"ts":1700000000000006,"dur":3,"args":{"External id":3,
       "Input Dims":[[512,1024],[1024,2048]],"Input type":["c10::BFloat16","c10::BFloat16"]}},
      {"ph":"X","cat":"cpu_op","name":"aten::scaled_dot_product_attention","pid":1,"tid":1,"ts":1700000000000010,"dur":9,
       "args":{"External id":4,"Input Dims":[[2,16,4096,128]],"Input type":["c10::Half"]}},
      {"ph":"X","cat":"cpu_op","name":"aten::_scaled_dot_product_flash_attention","pid":1,"tid":1,"ts":1700000000000011,
       "dur":7,"args":{"External id":5,"Input Dims":[[2,16,4096,128],[2,4,4096,128],[2,4,4096,128],[],[],[],[]],
       "Input type":["c10::Half","c10::Half","c10::Half","Scalar","Scalar","Scalar",""]}},
      {"ph":"X","cat":"cpu_op","name":"aten::transpose","pid":1,"tid":1,"ts":1700000000000012,"dur":1,"args":{"External id":6}},
      {"ph":"X","cat":"cpu_op","name":"aten::relu","pid":1,"tid":2,"ts":1700000000000010,"dur":99,"args":{"External id":7}},
      {"ph":"X","cat":"cpu_op","name":"aten::_flash_attention_forward","pid":1,"tid":1,"ts":1700000000000013,"dur":4,
       "args":{"External id":2,"Input Dims":[[2,4096,16,128],[2,4096,4,128],[2,4096,4,128]],
       "Input type":["c10::Half","c10::Half","c10::Half"]}},
      {"ph":"X","cat":"cpu_op","name":"aten::embedding","pid":1,"tid":1,"ts":1700000000000030,"dur":9,"args":{"External id":8,
       "Input Dims":[[32000,512],[4,64]],"Input type":["c10::Half","long int"]}},
      {"ph":"X","cat":"cpu_op","name":"aten::index_select","pid":1,"tid":1,"ts":1700000000000030,"dur":9,"args":{
       "External id":10,"Input Dims":[[32000,512],[],[256]],"Input type":["c10::Half","Scalar","long int"]}},
      {"ph":"X","cat":"kernel","name":"cutlass_gemm","ts":1700000000000100,"dur":100,"args":{"External id":1,"correlation":11}},
      {"ph":"X","cat":"kernel","name":"cutlass_gemm","ts":1700000000000300,"dur":300,"args":{"External id":3,"correlation":12}},
      {"ph":"X","cat":"kernel","name":"void flash_fwd_kernel<Flash_fwd_kernel_traits<128, 128>, false, true, false>(p)",
       "ts":1700000000000700,"dur":450,"args":{"External id":2,"correlation":13}},
      {"ph":"X","cat":"kernel","name":"indexSelectLargeIndex","ts":1700000000001200,"dur":50,"args":{"External id":10}},
      {"ph":"X","cat":"kernel","name":"mystery","ts":1700000000001300,"dur":100,"args":{"External id":9,"correlation":14}},
      {"ph":"X","cat":"gpu_memcpy","name":"Memcpy DtoD (Device -> Device)","ts":1700000000001500,"dur":10,"args":{}},
      {"ph":"i","name":"instant","ts":1700000000001600}]})json"};
    auto const result = import(shipped_rules(), read_kineto_trace, trace.path);
    REQUIRE(result.rows.size() == 3);
    auto const* gemm = row_of(result, "gemm");
    REQUIRE(gemm != nullptr);
    CHECK(gemm->kernel.m == 512);
    CHECK(gemm->kernel.n == 2048);
    CHECK(gemm->kernel.k == 1024);
    CHECK(gemm->kernel.dtype == "bf16");
    CHECK(gemm->calls == 2);
    CHECK(gemm->time.value() == Approx(200e-6));
    auto const* attention = row_of(result, "attn_fwd");
    REQUIRE(attention != nullptr);
    CHECK(attention->kernel.dtype == "fp16");
    CHECK(attention->kernel.options.heads == 16);
    CHECK(attention->kernel.options.kv_heads == 4);
    CHECK(attention->kernel.options.causal);
    CHECK(attention->kernel.batch == 2);
    auto const* embedding = row_of(result, "embedding_fwd");
    REQUIRE(embedding != nullptr);
    CHECK(embedding->kernel.m == 256);
    CHECK(embedding->kernel.n == 512);
    // 100 + 300 + 450 + 50 of 1,010 us are mapped, 100 not, 10 left out
    CHECK(result.share_of(result.mapped_time) == Approx(900.0 / 1010));
    REQUIRE(result.unmapped.size() == 1);
    CHECK(result.unmapped[0].what == "mystery");
    CHECK(result.share_of(result.unmapped[0].time) == Approx(100.0 / 1010));
    REQUIRE(result.ignored.size() == 1);
    CHECK(result.ignored[0].calls == 1);
}

TEST_CASE("what a composed operation does besides its product is not the product", "[timing]") {
    auto const rules = shipped_rules();
    KernelImport importer{rules};
    FrameworkCall const linear{"aten::linear", {{64, 128}, {256, 128}}, {"float", "float"}};
    auto launched = kernel("gemm", 10);
    launched.launched_by = "aten::mm";
    launched.inputs = {{64, 128}, {128, 256}};
    launched.input_types = {"float", "float"};
    launched.operation_run = 1;
    launched.within = {{&linear, 0}};
    importer.add(launched);
    launched.name = "elementwise_kernel<copy>";
    launched.launched_by = "aten::copy_";
    launched.operation_run = 2;
    importer.add(launched);
    auto const result = importer.finish();
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].calls == 1);
    CHECK(result.unmapped.size() == 1);
}

TEST_CASE("kernels that one operation launches for a product are one call", "[timing]") {
    auto const rules = shipped_rules();
    KernelImport importer{rules};
    auto part = kernel("gemm_splitK", 0);
    part.launched_by = "aten::mm";
    part.inputs = {{64, 4096}, {4096, 64}};
    part.input_types = {"float", "float"};
    for (int call = 0; call < 3; ++call) {
        for (auto const& [name, microseconds] : {std::pair{"gemm_splitK", 100.0}, {"splitKreduce", 60.0}}) {
            part.name = name;
            part.time = Seconds{(microseconds + call) * 1e-6};
            part.operation_run = call;
            importer.add(part);
        }
    }
    importer.next_file(); // the same number is another call there
    part.operation_run = 0;
    importer.add(part);
    auto const result = importer.finish();
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].calls == 4);
    CHECK(result.rows[0].time.value() == Approx(161e-6)); // of 62, 160, 162 and 164
    CHECK(result.mapped_calls == 7);
    CHECK(result.share_of(result.mapped_time) == Approx(1));
}

TEST_CASE("times and calls that cannot be are counted and told, and nothing else suffers", "[timing]") {
    auto const rules = rules_of("[[rule]]\nkernel = \"good\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = 64\n");
    KernelImport importer{rules};
    importer.add(kernel("good", 10));
    for (double const microseconds : {-5.0, 1e12, std::numeric_limits<double>::quiet_NaN()}) {
        importer.add(kernel("good", microseconds));
    }
    for (std::int64_t const calls : {std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
        auto many = kernel("good", 10);
        many.calls = calls;
        importer.add(many);
    }
    auto const result = importer.finish();
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].calls == 1);
    CHECK(result.rows[0].time.value() == Approx(10e-6));
    CHECK(result.time.value() == Approx(10e-6));
    REQUIRE(result.unmapped.size() == 4);
    CHECK(result.unmapped[0].what == "good: its number of calls is below 1 or beyond 1e12");
    CHECK(result.unmapped[1].what == "good: its time in all is below 0 or beyond 292 years");
    CHECK(result.unmapped[2].what == "good: its time is below 0 or beyond a day for one call");
    CHECK(result.unmapped[2].calls == 2);
    CHECK(result.unmapped[3].what == "good: the profile has no time for it");
}

TEST_CASE("dimensions that cannot be give no shape", "[timing]") {
    auto const rules = shipped_rules();
    for (auto const* dims : {"[[-512,1024],[1024,64]]", "[[99999999999999999999,1024],[1024,64]]",
                             "[[1e30,1024],[1024,64]]", "[[0,1024],[1024,64]]", "[[2.5,1024],[1024,64]]"}) {
        KernelImport importer{rules};
        auto product = kernel("gemm", 10);
        product.launched_by = "aten::mm";
        product.inputs = parse_shapes(dims);
        product.input_types = {"float", "float"};
        importer.add(product);
        auto const result = importer.finish();
        INFO(dims);
        CHECK(result.rows.empty());
        REQUIRE(result.unmapped.size() == 1);
        CHECK_THAT(result.unmapped[0].what, Catch::Contains("below 1 or no whole number"));
    }
}

TEST_CASE("kernels of a phase take the shapes of a rule in turn, side by side ones as long as any runs",
          "[timing]") {
    auto const rules = rules_of(R"(
[[rule]]
kernel = "^product$"
phase = "^W$"
op = "gemm"
dtype = "bf16"
in_turn = [{ m = 64, n = 64, k = 64 }, { op = "grouped_gemm", calls = 2, m = 128, n = 128, k = 128, batch = 2 }]
)");
    KernelImport importer{rules};
    // the two of the group run from 100 to 160 and from 120 to 200: 100 us together
    importer.add(kernel("product", 80, 120, "W"));
    importer.add(kernel("product", 60, 100, "W"));
    importer.add(kernel("product", 40, 50, "W"));
    // another run of the phase that lost a kernel
    auto stray = kernel("product", 10, 900, "W");
    stray.phase_run = 1;
    importer.add(stray);
    auto const result = importer.finish();
    REQUIRE(row_of(result, "gemm") != nullptr);
    CHECK(row_of(result, "gemm")->time.value() == Approx(40e-6));
    REQUIRE(row_of(result, "grouped_gemm") != nullptr);
    CHECK(row_of(result, "grouped_gemm")->time.value() == Approx(100e-6));
    CHECK(result.mapped_calls == 3);
    CHECK(result.mapped_time.value() == Approx(180e-6));
    REQUIRE(result.unmapped.size() == 1);
    CHECK_THAT(result.unmapped[0].what,
               Catch::Contains("1 in one run of its phase, where the rule expects 3"));
}

TEST_CASE("what runs on behalf of a kernel is added to it", "[timing]") {
    auto const rules = rules_of(R"(
[[rule]]
name = "main"
kernel = "^bwd$"
op = "attn_bwd"
dtype = "bf16"
m = 64
n = 64
k = 64
extra = "h=8;causal=1"
[[rule]]
kernel = "^prepare$"
adds_to = "main"
)");
    KernelImport importer{rules};
    importer.add(kernel("bwd", 100));
    importer.add(kernel("bwd", 100));
    importer.add(kernel("prepare", 30));
    auto const result = importer.finish();
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].time.value() == Approx(115e-6)); // 100 + 30 / 2
    CHECK(result.share_of(result.mapped_time) == Approx(1));
}

TEST_CASE("what is added to kernels in turn finds them in its own file", "[timing]") {
    auto const rules =
        rules_of("[[rule]]\nname = \"main\"\nkernel = \"^half$\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = 64\n"
                 "n = 64\nk = 64\ncalls = 2\n[[rule]]\nkernel = \"^copy$\"\nadds_to = \"main\"\n");
    KernelImport importer{rules};
    for (double const start : {0.0, 1.0}) { // seconds; the second is in a file of its own
        for (int half = 0; half < 2; ++half) {
            auto part = kernel("half", 50);
            part.launched = start + 1e-4 * half;
            part.start = start + 1e-4 * half;
            importer.add(part);
        }
        importer.add(kernel("copy", 30));
        importer.next_file();
    }
    auto const result = importer.finish();
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].time.value() == Approx(130e-6)); // two halves and a copy
    CHECK(result.unmapped.empty());
}

TEST_CASE("rules that cannot be are errors that name the line", "[timing]") {
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"(\"\nop = \"gemm\"\nm = 1\n"),
                      Catch::Contains("rules.toml:2") && Catch::Contains("no regular expression"));
    for (auto const* endless : {"a{123456789}", "a{1,12345}", "(a)\\\\99999"}) {
        CHECK_THROWS_WITH(
            rules_of(std::string{"[[rule]]\nkernel = \""} + endless + "\"\nop = \"gemm\"\nm = 1\n"),
            Catch::Contains("rules.toml:2") && Catch::Contains("repeats something"));
    }
    for (auto const* pattern : {"traits<1,65536>", "bar,100000x", "\\\\{12345", "a{2}b12345"}) {
        CHECK_NOTHROW(rules_of(std::string{"[[rule]]\nkernel = \""} + pattern +
                               "\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = 1\nn = 1\nk = 1\n"));
    }
    CHECK_NOTHROW(rules_of("[[rule]]\nkernel = \"^nvjet_1234567_a{2,3}$\"\nop = \"gemm\"\ndtype = "
                           "\"bf16\"\nm = 1\nn = 1\nk = 1\n"));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"a\"\nop = \"gem\"\nm = 1\n"),
                      Catch::Contains("Did you mean") && Catch::Contains("gemm or"));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nop = \"gemm\"\nm = 1\n"), Catch::Contains("would fit everything"));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"a\"\nadds_to = \"b\"\n"),
                      Catch::Contains("no rule above is named"));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"a\"\nop = \"gemm\"\nm = 1\nq = 2\n"),
                      Catch::Contains("q"));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"a\"\nop = \"gemm\"\n"), Catch::Contains("has no \"m\""));
}

TEST_CASE("a size that is no expression is an error at its line when rules are read", "[timing]") {
    for (auto const& [size, problem] : {std::pair{"abc", "no number"},
                                        {"$4", "none of the 2 groups"},
                                        {"$1/0", "divides by 0"},
                                        {"$1*", "no number"},
                                        {"i0", "no number"},
                                        {"i0.x", "no number"},
                                        {"7/2", "no whole number"},
                                        {"0", "of 1 or more"},
                                        {"", "no number"}}) {
        INFO(size);
        CHECK_THROWS_WITH(
            rules_of(fmt::format("[[rule]]\nkernel = \"(a)(b)\"\nop = \"gemm\"\nm = \"{}\"\n", size)),
            Catch::Contains("rules.toml:4") && Catch::Contains(problem));
    }
    CHECK_THROWS_WITH(rules_of("[[rule]]\nlaunched_by = \"a\"\nop = \"gemm\"\nm = \"$1\"\n"),
                      Catch::Contains("no pattern \"kernel\""));
    CHECK_THROWS_WITH(rules_of("[[rule]]\nkernel = \"a\"\nop = \"gemm\"\nm = 1\nextra = \"h={i0.1\"\n"),
                      Catch::Contains("rules.toml:5") && Catch::Contains("not closed"));
    CHECK_NOTHROW(rules_of("[[rule]]\nkernel = \"(a)\"\nop = \"gemm\"\nm = \"i0.**o1.-1/$1\"\nk = 0\n"));
}

TEST_CASE("a summary of Nsight Systems counts calls and keeps NVTX ranges apart", "[timing]") {
    File const csv{
        "nsys.csv",
        "Processing [report1.sqlite] with [cuda_gpu_kern_sum.py]...\n\n"
        "Time (%),Total Time (ns),Instances,Avg (ns),Med (ns),Min (ns),Max (ns),StdDev (ns),Name\n"
        "60.0,6000000,3,2000000.0,1500000.0,1000000,3500000,1.0,up:sm90_gemm_bf16\n"
        "40.0,4000000,2,2000000.0,2000000.0,1000000,3000000,1.0,\"void at::native::copy<int, 2>(int)\"\n"};
    auto const rules = rules_of(R"toml(
[[rule]]
kernel = "gemm_(bf16)"
phase = "^up$"
op = "gemm"
dtype = "bf16"
m = 4096
n = "2*2048"
k = "8192/2"
)toml");
    auto const result = import(rules, read_nsys_summary, csv.path);
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].kernel.n == 4096);
    CHECK(result.rows[0].kernel.k == 4096);
    CHECK(result.rows[0].calls == 3);
    CHECK(result.rows[0].time.value() == Approx(1.5e-3));
    // the totals of the report: 6 of 6 + 4 ms, not 3 x 1.5 ms
    CHECK(result.time.value() == Approx(10e-3));
    CHECK(result.share_of(result.mapped_time) == Approx(0.6));
    CHECK(result.unmapped.at(0).what == "void at::native::copy<int, 2>(int)");
}

TEST_CASE("rocprof's traces and statistics are read under the names of their versions", "[timing]") {
    auto const rules =
        rules_of("[[rule]]\nkernel = \"^Cijk_(\\\\d+)_(\\\\d+)_(\\\\d+)\"\nop = \"gemm\"\ndtype = \"bf16\"\n"
                 "m = \"$1\"\nn = \"$2\"\nk = \"$3\"\n");
    File const v3{"kernel_trace.csv", "\"Kind\",\"Kernel_Name\",\"Start_Timestamp\",\"End_Timestamp\"\n"
                                      "\"KERNEL_DISPATCH\",\"Cijk_64_128_256_x\",1000,3000\n"};
    File const v1{"results.stats.csv", "\"Name\",\"Calls\",\"TotalDurationNs\",\"AverageNs\",\"Percentage\"\n"
                                       "\"Cijk_64_128_256_x\",4,8000,2000,100\n"};
    for (auto const& path : {v3.path, v1.path}) {
        auto const result = import(rules, read_rocprof_table, path);
        REQUIRE(result.rows.size() == 1);
        CHECK(result.rows[0].kernel.k == 256);
        CHECK(result.rows[0].time.value() == Approx(2e-6));
    }
    File const backwards{"kernel_trace.csv", "Kernel_Name,Start_Timestamp,End_Timestamp\nk,3000,1000\n"};
    CHECK_THROWS_WITH(import(rules, read_rocprof_table, backwards.path),
                      Catch::Contains(":2") && Catch::Contains("before"));
}

TEST_CASE("op_summary of msprof has its shapes in two columns", "[timing]") {
    File const csv{
        "op_summary.csv",
        "Device_id,Model Name,Op Name,OP Type,Task Type,Task Start Time(us),Task Duration(us),Input Shapes,"
        "Input Data Types,Output Shapes\n"
        "0,m,MatMul_1,MatMulV2,AI_CORE,1.0,70.5,\"\"\"2048,4096;8192,4096\"\"\",DT_BF16;DT_BF16,\"\"\"2048,"
        "8192\"\"\"\n"
        "0,m,Norm_1,RmsNorm\t,AI_VECTOR,\"80.0\t\",9.5 "
        ",\"\"\"2,1024,4096;4096\"\"\",DT_BF16;DT_BF16,\"\"\"2,1024,"
        "4096\"\"\"\n"
        "0,m,hcom_allReduce_1,hcom_allReduce_,HCCL,90.0,20,N/A,N/A,N/A\n"};
    auto const result = import(shipped_rules(), read_msprof_summary, csv.path);
    auto const* gemm = row_of(result, "gemm");
    REQUIRE(gemm != nullptr); // the second operand is transposed: k follows from 2048 x 4096 / 2048
    CHECK(gemm->kernel.m == 2048);
    CHECK(gemm->kernel.n == 8192);
    CHECK(gemm->kernel.k == 4096);
    CHECK(gemm->kernel.dtype == "bf16");
    auto const* norm = row_of(result, "rmsnorm_fwd");
    REQUIRE(norm != nullptr);
    CHECK(norm->kernel.m == 2048);
    CHECK(norm->kernel.n == 4096);
    CHECK(result.ignored.size() == 1);
    CHECK(result.share_of(result.mapped_time) == Approx(0.8));
}

namespace {

std::string varint(std::uint64_t n) {
    std::string out;
    for (; n >= 0x80; n >>= 7U) {
        out += static_cast<char>(n | 0x80U);
    }
    return out + static_cast<char>(n);
}
std::string number(int field, std::uint64_t n) {
    return varint(static_cast<std::uint64_t>(field) << 3U) + varint(n);
}
std::string bytes(int field, std::string const& text) {
    return varint((static_cast<std::uint64_t>(field) << 3U) | 2U) + varint(text.size()) + text;
}
std::string delimited(std::string const& message) { return varint(message.size()) + message; }

std::string on_host(std::uint64_t id, std::string const& name, std::uint64_t start, std::string const& dims) {
    return delimited(number(1, id) + bytes(2, name) + number(3, 4) + number(6, start) + number(7, 900) +
                     bytes(8, bytes(2, dims) + bytes(3, "['Tensor(float)', 'Tensor(float)']")) +
                     bytes(10, bytes(1, "is_cpu_op") + number(27, 1)));
}
std::string on_device(std::uint64_t id, std::string const& needs, std::uint64_t microseconds) {
    return delimited(number(1, id) + bytes(2, "kernel") + number(3, 4) + bytes(5, needs) + number(6, 90) +
                     number(7, microseconds));
}

/// A file as MLCommons' converter writes it: metadata, the operation on the host, its kernel.
std::string chakra_trace() {
    auto const on_cpu = bytes(10, bytes(1, "is_cpu_op") + number(27, 1));
    auto const host = number(1, 5) + bytes(2, "aten::mm") + number(3, 4) + number(7, 900) +
                      bytes(8, bytes(2, "[[512, 1024], [1024, 2048]]") +
                                   bytes(3, "['Tensor(c10::BFloat16)', 'Tensor(c10::BFloat16)']")) +
                      on_cpu;
    auto const device = number(1, 6) + bytes(2, "cutlass_gemm") + number(3, 4) + bytes(4, varint(5)) +
                        number(6, 10) + number(7, 42) + bytes(10, bytes(1, "is_cpu_op") + number(27, 0));
    return delimited(bytes(1, "0.0.4")) + delimited(host) + delimited(device);
}

} // namespace

TEST_CASE("a kernel of a Chakra trace has the shapes of the operation it depends on", "[timing]") {
    File const trace{"trace.et", chakra_trace()};
    auto const result = import(shipped_rules(), read_chakra_trace, trace.path);
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].kernel.m == 512);
    CHECK(result.rows[0].kernel.n == 2048);
    CHECK(result.rows[0].kernel.dtype == "bf16");
    CHECK(result.rows[0].time.value() == Approx(42e-6)); // the host's 900 us are no kernel
    File const cut{"cut.et", chakra_trace().substr(0, 60)};
    CHECK_THROWS_WITH(import(shipped_rules(), read_chakra_trace, cut.path), Catch::Contains("cut off"));
}

TEST_CASE("a kernel of a Chakra trace is its last begun operation's, in whatever order nodes and "
          "dependencies stand",
          "[timing]") {
    auto const zeros = on_host(1, "aten::zeros", 10, "[[8192], []]");
    auto const product = on_host(2, "aten::mm", 20, "[[512, 1024], [1024, 2048]]");
    auto const metadata = delimited(bytes(1, "0.0.4"));
    for (auto const& needs : {varint(1) + varint(2), varint(2) + varint(1)}) {
        auto const device = on_device(3, needs, 42);
        for (auto const& nodes : {zeros + product + device, device + product + zeros}) {
            File const trace{"order.et", metadata + nodes};
            auto const result = import(shipped_rules(), read_chakra_trace, trace.path);
            REQUIRE(result.rows.size() == 1);
            CHECK(result.rows[0].kernel.m == 512);
        }
    }
}

TEST_CASE("nodes of a Chakra trace without a duration are counted", "[timing]") {
    File const trace{"none.et", delimited(bytes(1, "0.0.4")) +
                                    on_host(2, "aten::mm", 20, "[[8, 8], [8, 8]]") +
                                    on_device(3, varint(2), 42) + on_device(4, varint(2), 0)};
    auto const result = import(shipped_rules(), read_chakra_trace, trace.path);
    CHECK(result.calls == 2);
    CHECK(result.mapped_calls == 1);
    REQUIRE(result.unmapped.size() == 1);
    CHECK(result.unmapped[0].what == "kernel: its time is 0");
}

TEST_CASE("the profile that DeepSeek published gives four fifths of its time to known operations",
          "[timing]") {
    std::string const path = MOESAIC_SOURCE_DIR "/../shared/traces/deepseek-v3-h800-dualpipe.json";
    if (!std::filesystem::exists(path)) {
        test::tell_skipped("DeepSeek's profile is not beside this checkout");
        return;
    }
    KernelRules rules;
    rules.read(MOESAIC_SOURCE_DIR "/platforms/timings/kernel_rules/deepseek_v3_dualpipe.toml");
    auto const result = import(rules, read_kineto_trace, path);
    CHECK(result.share_of(result.mapped_time) == Approx(0.792).margin(0.002));
    // four layers, one forward and one backward chunk: eight of each combine, four of each attention
    auto const* attention = row_of(result, "mla_fwd");
    REQUIRE(attention != nullptr);
    CHECK(attention->calls == 4);
    CHECK(attention->time.value() == Approx(1.24e-3).epsilon(0.03));
    CHECK(row_of(result, "ep_combine")->calls == 8);
    Seconds in_all = result.mapped_time;
    for (auto const* shares : {&result.unmapped, &result.ignored}) {
        for (auto const& share : *shares) {
            in_all += share.time;
        }
    }
    CHECK(in_all.value() == Approx(result.time.value()));
}
