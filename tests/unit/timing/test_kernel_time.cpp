#include "no_tables.hpp"
#include "timing/timings.hpp"

#include "example_chips.hpp"
#include "timing/kernel_time.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <fmt/format.h>

using namespace moesaic;
using namespace moesaic::timing;
using model::Operation;
using model::OpKind;
using model::Pass;

namespace {

Operation gemm(std::int64_t m, std::int64_t n, std::int64_t k, Pass pass = Pass::forward) {
    return {.kind = OpKind::gemm, .pass = pass, .m = m, .n = n, .k = k};
}

/// GEMM of a chip that needs `over` times its roofline at every shape, plus a launch of 5 us.
std::string gemm_table(std::string const& chip, double over, hardware::Chip const& like,
                       std::string const& dtype = "bf16") {
    std::string out = table_header;
    for (std::int64_t m : {64, 256, 1024, 4096, 16384}) {
        for (std::int64_t n : {1024, 4096, 8192}) {
            for (std::int64_t k : {1024, 4096, 8192}) {
                Kernel kernel{
                    .op = *find_table_op("gemm"), .dtype = dtype, .m = m, .n = n, .k = k, .options = {}};
                auto const bound = roofline_time(roofline_of(like, kernel), work_of(kernel)) + Seconds{5e-6};
                out += fmt::format("{},gemm,{},{},{},{},1,kern=test,{:.6g},aiconfigurator,MIT\n", chip, dtype,
                                   m, n, k, over * bound.value() * 1e6);
            }
        }
    }
    return out;
}

struct Loaded {
    TimingStore store;
    explicit Loaded(std::vector<hardware::Chip> chips, std::vector<std::string> const& tables) {
        store.set_expectations(test::expectations());
        store.set_reference_chips(std::move(chips));
        for (auto const& table : tables) {
            store.parse(table, "t.csv");
        }
    }
};

} // namespace

TEST_CASE("shapes that differ in one size alone are told apart, also where nothing is drawn over it",
          "[timing]") {
    auto const x = example_chip("X");
    std::string table = table_header;
    for (int k = 1; k <= 8; ++k) {
        table += fmt::format("X,router_topk_fwd,bf16,4096,256,{},1,kern=t,{},me,MIT\n", k, 10 * k);
    }
    Loaded const loaded{{x}, {table}};
    Estimator const estimator{loaded.store};
    for (int k = 1; k <= 8; ++k) {
        Kernel const kernel{.op = *find_table_op("router_topk_fwd"),
                            .dtype = "bf16",
                            .m = 4096,
                            .n = 256,
                            .k = k,
                            .options = {}};
        auto const said = own_time(estimator, x, kernel);
        REQUIRE(said);
        CHECK(said->duration.evidence == Evidence::measured);
        CHECK(said->duration.time.value() == Approx(k * 10e-6));
    }
}

TEST_CASE("a measured shape has its measured time", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    // 2 x 4096^3 FLOP at 100 TFLOP/s = 1374.39 us; (1374.39 + 5) x 1.5 = 2069.08 us
    auto const said = operation_time(estimator, x, gemm(4096, 4096, 4096)).duration;
    CHECK(said.evidence == Evidence::measured);
    CHECK(said.time.value() == Approx(2069.08e-6).epsilon(1e-4));
    CHECK(said.sigma < 0.05);
}

TEST_CASE("linear attention that was measured is found, however its row says what it has not", "[timing]") {
    auto const x = example_chip("X");
    for (std::string const n : {"0", "1", "4096"}) {
        for (std::string const values : {"", "dv=128;"}) {
            std::string table = table_header;
            for (int m = 1024; m <= 65536; m *= 2) {
                table +=
                    fmt::format("X,delta_rule_fwd,bf16,{},{},128,1,h=32;hkv=16;{}causal=1,{},example,MIT\n",
                                m, n, values, m / 10.0);
            }
            Loaded const loaded{{x}, {table}};
            Operation const op{
                .kind = OpKind::delta_rule, .m = 4096, .k = 128, .heads = 32, .kv_heads = 16, .causal = true};
            auto const said = operation_time(Estimator{loaded.store}, x, op).duration;
            CHECK(said.evidence == Evidence::measured);
            CHECK(said.time.value() == Approx(409.6e-6));
        }
    }
}

TEST_CASE("a row of linear attention without heads of keys has as many as of values", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{
        {x},
        {std::string{table_header} + "X,linear_attn_fwd,bf16,4096,0,128,1,h=16;causal=1,300,example,MIT\n"}};
    Operation const op{
        .kind = OpKind::linear_attention, .m = 4096, .k = 128, .heads = 16, .kv_heads = 16, .causal = true};
    auto const said = operation_time(Estimator{loaded.store}, x, op).duration;
    CHECK(said.evidence == Evidence::measured);
    CHECK(said.time.value() == Approx(300e-6));
}

TEST_CASE("between measured shapes of one efficiency every shape has that efficiency", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    // 2 x 3000 x 5000 x 6000 / 100e12 = 1800 us; (1800 + 5) x 1.5 = 2707.5 us
    auto const said = operation_time(estimator, x, gemm(3000, 5000, 6000)).duration;
    CHECK(said.evidence == Evidence::interpolated);
    CHECK(said.time.value() == Approx(2707.5e-6).epsilon(0.01));
}

TEST_CASE("gradients of a product are products of the transposed shapes", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    auto const time = [&](Operation const& op) {
        return operation_time(estimator, x, op).duration.time.value();
    };
    // C[64, 8192] = A[64, 1024] B[1024, 8192]: dA is 64 x 1024 x 8192, dB is 1024 x 8192 x 64
    auto const input = time(gemm(64, 1024, 8192)), weight = time(gemm(1024, 8192, 64));
    CHECK(time(gemm(64, 8192, 1024, Pass::input_gradient)) == Approx(input));
    CHECK(time(gemm(64, 8192, 1024, Pass::weight_gradient)) == Approx(weight));
    CHECK(time(gemm(64, 8192, 1024, Pass::backward)) == Approx(input + weight));
}

TEST_CASE("16-bit formats stand for each other, but not as measured", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x, "fp16")}};
    Estimator const estimator{loaded.store};
    auto const said = operation_time(estimator, x, gemm(4096, 4096, 4096)).duration;
    CHECK(said.evidence == Evidence::interpolated);
    CHECK(said.time.value() == Approx(2069.08e-6).epsilon(1e-4));
    CHECK(said.sigma >= 0.03);
}

TEST_CASE("a transfer does not change with the scale of both chips", "[timing]") {
    auto const x = example_chip("X");
    auto const half = faster_chip("H", 0.5), twice = faster_chip("T", 2.0);
    Loaded const loaded{{x, half, twice}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    auto const slow = operation_time(estimator, half, gemm(3000, 5000, 6000)).duration;
    auto const fast = operation_time(estimator, twice, gemm(3000, 5000, 6000)).duration;
    CHECK(slow.evidence == Evidence::transferred);
    CHECK(fast.evidence == Evidence::transferred);
    // (1800 x 2 + 5) x 1.5 and (1800 / 2 + 5) x 1.5
    CHECK(slow.time.value() == Approx(5407.5e-6).epsilon(0.01));
    CHECK(fast.time.value() == Approx(1357.5e-6).epsilon(0.01));
    CHECK(slow.sigma > 0.1);
}

TEST_CASE("the same die under another name is trusted more than another die", "[timing]") {
    auto const x = example_chip("X");
    auto const twin = example_chip("X-export");
    auto const other = faster_chip("O", 1.3);
    Loaded const loaded{{x, twin, other}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    auto const as_twin = operation_time(estimator, twin, gemm(3000, 5000, 6000)).duration;
    CHECK(as_twin.evidence == Evidence::transferred);
    CHECK(as_twin.time.value() == Approx(2707.5e-6).epsilon(0.01));
    CHECK(as_twin.sigma < operation_time(estimator, other, gemm(3000, 5000, 6000)).duration.sigma);
}

TEST_CASE("another build of a die is never slower for a higher peak", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x, faster_chip("O", 0.7)},
                        {gemm_table("X", 1.5, x), gemm_table("O", 1.2, faster_chip("O", 0.7))}};
    Estimator const estimator{loaded.store};
    auto build = example_chip("build");
    auto before = Seconds{1.0};
    for (double const peak : {80e12, 95e12, 99e12, 100e12, 101e12, 104e12, 120e12, 160e12}) {
        build.peak[Dtype::bf16].value = FlopPerSecond{peak};
        auto const now = operation_time(estimator, build, gemm(3000, 5000, 6000)).duration.time;
        CHECK(now <= before);
        before = now;
    }
}

TEST_CASE("no estimate beats the peak", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x, example_chip("Y")}, {gemm_table("X", 1.0, x)}};
    Estimator const estimator{loaded.store};
    for (auto const& op : {gemm(65536, 65536, 65536), gemm(3000, 5000, 6000)}) {
        auto const said = operation_time(estimator, x, op).duration;
        CHECK(said.time.value() >= model::flop_of(op).value() / 100e12 * (1 - 1e-9));
    }
}

TEST_CASE("without tables every time is analytic and states its doubt", "[timing]") {
    auto const none = test::no_tables();
    auto const said = none.duration(example_chip("X"), gemm(4096, 4096, 4096));
    CHECK(said.evidence == Evidence::analytic);
    CHECK(said.sigma >= 0.2);
    // 0.68 of the peak and 4 us to launch: 1374.39 / 0.68 + 4 = 2025.16 us
    CHECK(said.time.value() == Approx(2025.16e-6).epsilon(1e-4));
}

TEST_CASE("every kind of operation and pass has a time on a chip that knows its figures", "[timing]") {
    auto const none = test::no_tables();
    auto const x = example_chip("X");
    for (auto const& name : model::op_kind_names()) {
        for (auto const pass : {Pass::forward, Pass::backward, Pass::input_gradient, Pass::weight_gradient}) {
            Operation op{.kind = *model::find_op_kind(name), .pass = pass, .m = 512, .n = 256, .k = 128};
            op.heads = op.kv_heads = 4;
            op.topk = 2;
            op.experts = 8;
            auto const said = none.duration(x, op);
            INFO(name << " " << model::name_of(pass));
            CHECK(std::isfinite(said.time.value()));
            CHECK(said.time.value() >= 0);
            auto const work = model::flop_of(op).value() + model::bytes_of(op).value();
            CHECK((said.time.value() > 0) == (work > 0));
        }
    }
}

TEST_CASE("a figure of the chip that is missing is an error that names chip and figure", "[timing]") {
    auto const none = test::no_tables();
    auto blind = example_chip("blind");
    blind.memory_bandwidth.reset();
    CHECK_THROWS_AS(none.duration(blind, gemm(64, 64, 64)), InputError);
    CHECK_THROWS_WITH(none.duration(blind, gemm(64, 64, 64)),
                      Catch::Contains("blind") && Catch::Contains("memory bandwidth"));
    auto fp8 = gemm(64, 64, 64);
    fp8.dtype = Dtype::fp8;
    CHECK_THROWS_WITH(none.duration(example_chip("X"), fp8), Catch::Contains("X") && Catch::Contains("fp8"));
}

TEST_CASE("a backward pass that only another chip measured is transferred by its ratio to the forward pass",
          "[timing]") {
    // on X forward takes 100 us and backward 300 us; Y is half as fast forward (200 us): 600 us
    auto const x = example_chip("X"), y = faster_chip("Y", 0.9);
    std::string x_rows = table_header, y_rows = table_header;
    for (int m : {1024, 2048, 4096, 8192}) {
        auto const scale = m / 2048.0 * m / 2048.0;
        auto const row = [&](char const* chip, char const* op, double us) {
            return fmt::format(
                "{},{},bf16,{},{},128,1,h=16;hkv=16;causal=1;kern=test,{:.6g},cudnn-frontend,MIT\n", chip, op,
                m, m, us * scale);
        };
        x_rows += row("X", "attn_fwd", 400) + row("X", "attn_bwd", 1200);
        y_rows += row("Y", "attn_fwd", 800);
    }
    Loaded const loaded{{x, y}, {x_rows, y_rows}};
    Estimator const estimator{loaded.store};
    Operation op{.kind = OpKind::attention, .pass = Pass::backward, .m = 2048, .n = 2048, .k = 128};
    op.heads = op.kv_heads = 16;
    op.causal = true;
    auto const said = operation_time(estimator, y, op);
    CHECK(said.duration.evidence == Evidence::transferred);
    CHECK(said.duration.time.value() == Approx(2400e-6).epsilon(0.03));
    CHECK(said.source.find("attn_bwd over attn_fwd on X") != std::string::npos);
}

TEST_CASE("fp8 with one scale per tensor and with one per block stand for each other as a transfer",
          "[timing]") {
    auto x = example_chip("X");
    x.peak[Dtype::fp8] = x.peak[Dtype::fp8_block] = x.peak.at(Dtype::bf16);
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x, "fp8_block")}};
    Estimator const estimator{loaded.store};
    auto op = gemm(4096, 4096, 4096);
    op.dtype = Dtype::fp8;
    auto const said = operation_time(estimator, x, op).duration;
    CHECK(said.evidence == Evidence::transferred);
    CHECK(said.time.value() == Approx(2069.08e-6).epsilon(1e-4));
    CHECK(said.sigma >= 0.22);
}

TEST_CASE("units that apply scales of blocks multiply in every 8-bit format alike", "[timing]") {
    auto x = example_chip("X");
    x.peak[Dtype::fp8] = x.peak.at(Dtype::bf16);
    auto with_units = x;
    with_units.peak[Dtype::nvfp4] = x.peak.at(Dtype::bf16);
    auto const tables = std::vector{gemm_table("X", 3, x, "fp8"), gemm_table("X", 1.5, x, "fp8_block")};
    auto const time = [&](hardware::Chip const& chip, Dtype dtype) {
        Loaded const loaded{{chip}, tables};
        Estimator const estimator{loaded.store};
        auto op = gemm(3000, 5000, 6000);
        op.dtype = dtype;
        return operation_time(estimator, chip, op).duration;
    };
    CHECK(time(x, Dtype::fp8).time.value() == Approx(5415e-6).epsilon(0.02)); // (1800 + 5) x 3
    for (auto const dtype : {Dtype::fp8, Dtype::mxfp8, Dtype::fp8_block}) {
        CHECK(time(with_units, dtype).time.value() == Approx(2707.5e-6).epsilon(0.02));
        CHECK(time(with_units, dtype).evidence == Evidence::interpolated);
    }
}

TEST_CASE("an own measured shape comes before another format's", "[timing]") {
    auto x = example_chip("X");
    x.peak[Dtype::fp8] = x.peak[Dtype::nvfp4] = x.peak.at(Dtype::bf16);
    Loaded const loaded{{x}, {gemm_table("X", 3, x, "fp8"), gemm_table("X", 1.5, x, "fp8_block")}};
    Estimator const estimator{loaded.store};
    auto op = gemm(4096, 4096, 4096); // (1374.4 + 5) x 3
    op.dtype = Dtype::fp8;
    CHECK(operation_time(estimator, x, op).duration.time.value() == Approx(4138.2e-6).epsilon(1e-3));
}

TEST_CASE("a chip of the same maker is asked alone, however many farther ones there are", "[timing]") {
    // both donors have their own shape of curve: 1.5 times the roofline at home, 6 times elsewhere
    auto const x = example_chip("X"), near = faster_chip("N", 1.3);
    auto far = faster_chip("F", 1.3);
    far.vendor = "another";
    Loaded const loaded{{x, near, far}, {gemm_table("N", 1.5, near), gemm_table("F", 6, far)}};
    Estimator const estimator{loaded.store};
    auto const said = operation_time(estimator, x, gemm(3000, 5000, 6000)).duration;
    CHECK(said.evidence == Evidence::transferred);
    CHECK(said.time.value() == Approx(2707.5e-6).epsilon(0.02)); // (1800 + 5) x 1.5
}

TEST_CASE("the work of an expert FFN does not overflow", "[timing]") {
    Kernel kernel{.op = *find_table_op("moe_ffn"),
                  .dtype = "bf16",
                  .m = 8,
                  .n = std::int64_t{1} << 31,
                  .k = std::int64_t{1} << 31,
                  .batch = 8,
                  .options = {.topk = 8, .experts = 8}};
    // every expert has tokens: 3 x 8 x 2^62 weights of 2 bytes, and rows that are far fewer
    CHECK(work_of(kernel).bytes.value() == Approx(3.0 * 8 * std::pow(2.0, 62) * 2).epsilon(1e-6));
}

TEST_CASE("a row of a chip of which nothing is known is not guessed", "[timing]") {
    auto const x = example_chip("X");
    Loaded const loaded{{x}, {gemm_table("X", 1.5, x)}};
    Estimator const estimator{loaded.store};
    Measurement row{
        .chip = "X",
        .kernel = {.op = *find_table_op("gemm"), .dtype = "bf16", .m = 3000, .n = 5000, .k = 6000},
        .source = "aiconfigurator"};
    CHECK(row_time(estimator, row).has_value());
    row.chip = "nobody's chip";
    CHECK_FALSE(row_time(estimator, row).has_value());
}

TEST_CASE("rows under a chip's id and under its name in tables are rows of one chip", "[timing]") {
    auto x = example_chip("x_id");
    x.timing_names = {"X", "X-other"};
    auto const row = [](std::string const& chip, int us) {
        return std::string{table_header} +
               fmt::format("{},gemm,bf16,4096,4096,4096,1,,{},me,mine\n", chip, us);
    };
    Loaded const by_id{{x}, {row("x_id", 2000)}}, by_name{{x}, {row("X", 2000)}},
        both{{x}, {row("x_id", 2000), row("X", 2000)}};
    CHECK(by_id.store.all().front().chip == "X");
    CHECK(both.store.all().size() == 1);
    auto const time = [&](Loaded const& loaded, std::int64_t m) {
        return operation_time(Estimator{loaded.store}, x, gemm(m, 4096, 4096)).duration.time.value();
    };
    CHECK(time(by_id, 4096) == Approx(2000e-6));
    CHECK(time(by_id, 6144) == time(by_name, 6144));
}

TEST_CASE("measurements of one shape that disagree leave a doubt as wide as they are apart", "[timing]") {
    auto const x = example_chip("X");
    auto const rows = [](int one, int other) {
        return std::string{table_header} + fmt::format("X,gemm,bf16,4096,4096,4096,1,,{},me,mine\n"
                                                       "X,gemm,bf16,4096,4096,4096,1,,{},me,mine\n",
                                                       one, other);
    };
    Loaded const agreed{{x}, {rows(2000, 2000)}}, apart{{x}, {rows(1600, 2400)}};
    auto const doubt = [&](Loaded const& loaded) {
        return operation_time(Estimator{loaded.store}, x, gemm(4096, 4096, 4096)).duration.sigma;
    };
    CHECK(doubt(agreed) < 0.05);
    // ln(2400/1600) = 0.405 apart: standard error 0.405 / 2
    CHECK(doubt(apart) == Approx(0.2027).epsilon(0.02));
}

TEST_CASE("a kernel over the full square is no measurement of the causal one", "[timing]") {
    auto const x = example_chip("X");
    auto const time = [&](char const* causal) {
        Loaded const loaded{
            {x},
            {std::string{table_header} +
             fmt::format("X,attn_fwd,bf16,4096,4096,128,1,h=16;hkv=4;causal={},4000,me,mine\n", causal)}};
        Operation const asked{.kind = OpKind::attention,
                              .pass = Pass::forward,
                              .m = 4096,
                              .n = 4096,
                              .k = 128,
                              .batch = 1,
                              .heads = 16,
                              .kv_heads = 4,
                              .causal = true};
        return operation_time(Estimator{loaded.store}, x, asked).duration;
    };
    CHECK(time("1").evidence == Evidence::measured);
    auto const of_square = time("0");
    CHECK(of_square.evidence == Evidence::interpolated);
    CHECK(of_square.sigma > 0.08);
    CHECK_THROWS_WITH(time("true"), Catch::Contains("extra: causal=true is neither 0 nor 1"));
}
