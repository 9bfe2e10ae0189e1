#include "imported.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

constexpr auto* bf16 = "c10::BFloat16";
constexpr auto* fp8 = "c10::Float8_e4m3fn";

/// What the shipped rules make of kernels, each launched by one operation.
struct Imports {
    KernelRules rules = shipped_rules();
    KernelImport import{rules};
    void add(std::string const& operation, std::string const& dims, std::vector<std::string> types,
             std::string name = "kernel", double microseconds = 10) {
        auto one = kernel(std::move(name), microseconds);
        one.launched_by = operation;
        one.inputs = parse_shapes(dims);
        one.input_types = std::move(types);
        import.add(one);
    }
};

ImportResult imported(std::string const& operation, std::string const& dims, std::vector<std::string> types,
                      std::string name = "kernel", double microseconds = 10) {
    Imports all;
    all.add(operation, dims, std::move(types), std::move(name), microseconds);
    return all.import.finish();
}

std::string flash(std::string const& kernel, std::string const& flags) {
    return fmt::format("void {}<Flash_fwd_kernel_traits<128, 64, 128, 4, false, false, cutlass::bfloat16_t, "
                       "Flash_kernel_traits<128, 64, 128, 4, cutlass::bfloat16_t> >, {}>(Flash_fwd_params)",
                       kernel, flags);
}
constexpr auto* attention = "aten::_scaled_dot_product_flash_attention";
constexpr auto* queries = "[[1,8,4096,128],[1,8,4096,128],[1,8,4096,128],[],[],[],[]]";

} // namespace

TEST_CASE("an addition of arrays that differ in shape or format is none of the tables' additions",
          "[timing]") {
    for (auto const* op : {"aten::add", "aten::mul"}) {
        auto const alike = imported(op, "[[4,2048,4096],[4,2048,4096],[]]", {bf16, bf16, "Scalar"});
        REQUIRE(alike.rows.size() == 1);
        CHECK(alike.rows[0].kernel.m == 8192);
        for (auto const& [dims, second] : {std::pair{"[[4096],[4,2048,4096]]", bf16},
                                           {"[[1,4096],[8192,4096],[]]", bf16},
                                           {"[[8192,4096],[]]", "double"},
                                           {"[[],[8192,4096]]", bf16},
                                           {"[[8192,4096],[8192,4096]]", "float"}}) {
            INFO(dims);
            auto const other = imported(op, dims, {bf16, second});
            CHECK(other.rows.empty());
            REQUIRE(other.unmapped.size() == 1);
            CHECK_THAT(other.unmapped[0].what, Catch::Contains("differ in shape or format"));
        }
    }
}

TEST_CASE("element types are known by their whole names in PyTorch, Chakra and CANN", "[timing]") {
    for (auto const& [type, dtype] : {std::pair{"c10::BFloat16", "bf16"},
                                      {"c10::Half", "fp16"},
                                      {"float", "fp32"},
                                      {"double", "fp64"},
                                      {"signed char", "int8"},
                                      {"Tensor(c10::Half)", "fp16"},
                                      {"Tensor(float)", "fp32"},
                                      {"DT_BF16", "bf16"},
                                      {"DT_FLOAT", "fp32"},
                                      {"FLOAT16", "fp16"},
                                      {"INT8", "int8"},
                                      {"c10::Float8_e5m2", "fp8"},
                                      {"c10::Float4_e2m1fn_x2", ""},
                                      {"c10::complex<float>", ""},
                                      {"c10::Float8_e8m0fnu", ""},
                                      {"unsigned char", ""},
                                      {"UINT8", ""},
                                      {"long int", ""}}) {
        INFO(type);
        CHECK(dtype_of_element(type) == dtype);
    }
    auto const complex =
        imported("aten::mm", "[[512,4096],[4096,4096]]", {"c10::complex<float>", "c10::complex<float>"});
    CHECK(complex.rows.empty());
    REQUIRE(complex.unmapped.size() == 1);
    CHECK_THAT(complex.unmapped[0].what,
               Catch::Contains("no number format for elements \"c10::complex<float>\""));
}

TEST_CASE("scales of a product tell its number format, and formats stay apart", "[timing]") {
    auto const* e8m0 = "c10::Float8_e8m0fnu";
    auto const* fp4 = "c10::Float4_e2m1fn_x2";
    struct Case {
        std::string scales;
        std::vector<std::string> types;
        std::string dtype, extra;
        std::int64_t k;
    };
    Imports all;
    for (auto const& one :
         {Case{"[],[]", {fp8, fp8, "float", "float"}, "fp8", "", 4096},
          Case{"[8192,1],[1,14336]", {fp8, fp8, "float", "float"}, "fp8", "quant=ptok", 4096},
          Case{"[8192,32],[32,112]", {fp8, fp8, "float", "float"}, "fp8_block", "", 4096},
          Case{"[1048576],[1835008]", {fp8, fp8, e8m0, e8m0}, "mxfp8", "", 4096},
          Case{"[1048576],[1835008]", {fp4, fp4, e8m0, e8m0}, "mxfp4", "", 8192},
          Case{"[2097152],[3670016]", {fp4, fp4, fp8, fp8}, "nvfp4", "", 8192}}) {
        auto const dims = fmt::format("[[8192,4096],[4096,14336],{},[],[]]", one.scales);
        auto const result = imported("aten::_scaled_mm", dims, one.types);
        INFO(one.dtype);
        REQUIRE(result.rows.size() == 1);
        CHECK(result.rows[0].kernel.dtype == one.dtype);
        CHECK(result.rows[0].kernel.k == one.k);
        CHECK(result.rows[0].extra == one.extra);
        all.add("aten::_scaled_mm", dims, one.types);
    }
    CHECK(all.import.finish().rows.size() == 6);
    auto const unknown =
        imported("aten::_scaled_mm", "[[8192,4096],[4096,14336],[7],[9]]", {fp8, fp8, "float", "float"});
    CHECK(unknown.rows.empty());
    CHECK_THAT(unknown.unmapped.at(0).what, Catch::Contains("that no rule knows"));
}

TEST_CASE("causal attention over split keys is causal, and their sum belongs to it", "[timing]") {
    for (bool const causal : {true, false}) {
        Imports all;
        auto const flags =
            std::string{causal ? "true" : "false"} + ", false, false, false, true, false, true, false";
        all.add(attention, queries, {bf16, bf16, bf16}, flash("flash_fwd_splitkv_kernel", flags), 400);
        all.add(attention, queries, {bf16, bf16, bf16},
                flash("flash_fwd_splitkv_combine_kernel", "4, 1, true"), 40);
        auto const result = all.import.finish();
        REQUIRE(result.rows.size() == 1);
        CHECK(result.rows[0].kernel.options.causal == causal);
        CHECK(result.rows[0].time.value() == Approx(440e-6));
        CHECK(result.unmapped.empty());
    }
}

TEST_CASE("attention with dropout is not the tables' attention", "[timing]") {
    auto const plain = imported(attention, queries, {bf16, bf16, bf16},
                                flash("flash_fwd_kernel", "false, true, false, false, true"));
    REQUIRE(plain.rows.size() == 1);
    CHECK(plain.rows[0].kernel.options.causal);
    for (auto const* on : {"true", "(bool)1"}) {
        auto const dropout = imported(attention, queries, {bf16, bf16, bf16},
                                      flash("flash_fwd_kernel", std::string{on} + ", true, false, false"));
        CHECK(dropout.rows.empty());
        REQUIRE(dropout.unmapped.size() == 1);
        CHECK_THAT(dropout.unmapped[0].what, Catch::Contains("attention with dropout"));
    }
    auto const backward = imported("aten::_scaled_dot_product_flash_attention_backward",
                                   "[[1,8,4096,128],[1,8,4096,128],[1,8,4096,128]]", {bf16, bf16, bf16},
                                   flash("flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel", "true, false"));
    CHECK(backward.rows.empty());
}

TEST_CASE("kernels without time are counted and told", "[timing]") {
    auto const result = imported("aten::mm", "[[256,4096],[4096,4096]]", {bf16, bf16}, "nvjet", 0);
    CHECK(result.rows.empty());
    CHECK(result.mapped_calls == 0);
    REQUIRE(result.unmapped.size() == 1);
    CHECK(result.unmapped[0].what == "nvjet: its time is 0");
    CHECK(result.unmapped[0].calls == 1);
}

TEST_CASE("groups of a product have the mean of their rows, rounded", "[timing]") {
    auto const result = imported("aten::_grouped_mm", "[[16385,2048],[16,2048,1408],[16],[],[]]",
                                 {bf16, bf16, "int", "", ""});
    REQUIRE(result.rows.size() == 1);
    CHECK(result.rows[0].kernel.m == 1024);
    CHECK(result.rows[0].kernel.batch == 16);
    auto const gradient =
        imported("aten::_grouped_mm", "[[2048,16384],[16384,1408],[16],[],[]]", {bf16, bf16, "int", "", ""});
    CHECK_THAT(gradient.unmapped.at(0).what, Catch::Contains("a gradient of weights"));
}

TEST_CASE("a size that is no whole number is told as such", "[timing]") {
    auto const rules = rules_of(
        "[[rule]]\nlaunched_by = \"a\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = \"i0.0/i0.1\"\nn = 8\nk = 8\n");
    KernelImport import{rules};
    auto one = kernel("k", 10);
    one.launched_by = "a";
    one.inputs = {{7, 2}};
    import.add(one);
    one.inputs.clear();
    import.add(one);
    auto const result = import.finish();
    REQUIRE(result.unmapped.size() == 2);
    CHECK(result.unmapped[0].what == "k: its shape is not in the profile");
    CHECK(result.unmapped[1].what == "k: its size i0.0/i0.1 is no whole number below 1e15");
}

TEST_CASE("rules may ask for shapes and types of the arrays", "[timing]") {
    auto const rules =
        rules_of("[[rule]]\nlaunched_by = \"a\"\ninput_types = \"^float;\"\nunmapped = \"why\"\n"
                 "[[rule]]\nlaunched_by = \"a\"\ninput_shapes = \"^2,3;4$\"\noutput_shapes = \"^5$\"\n"
                 "op = \"add\"\ndtype = \"bf16\"\nm = 1\nn = 1\n");
    KernelImport import{rules};
    auto one = kernel("k", 10);
    one.launched_by = "a";
    one.inputs = {{2, 3}, {4}};
    one.outputs = {{5}};
    one.input_types = {"float", "float"};
    import.add(one);
    one.input_types = {"int", "float"};
    import.add(one);
    one.outputs = {{6}};
    import.add(one);
    auto const result = import.finish();
    CHECK(result.mapped_calls == 1);
    REQUIRE(result.unmapped.size() == 2);
    CHECK(result.unmapped[0].what == "k");
    CHECK(result.unmapped[1].what == "k: why");
}

TEST_CASE("of very many names of kernels only some are told apart, and all are counted", "[timing]") {
    auto const rules = rules_of("[[rule]]\nkernel = \"^good\"\nop = \"gemm\"\ndtype = \"bf16\"\nm = 64\n");
    KernelImport import{rules};
    constexpr int many = 12'000;
    for (int i = 0; i < many; ++i) {
        import.add(kernel(fmt::format("triton_{}", i), 1));
    }
    auto const result = import.finish();
    CHECK(result.unmapped.size() == 10'001);
    CHECK(result.unmapped[0].what == "of other names: only 10000 are told apart");
    CHECK(result.unmapped[0].calls == 2'000);
    CHECK(result.calls == many);
}
