#include "no_tables.hpp"
#include "timing/condense.hpp"

#include "example_chips.hpp"
#include "timing/kernel_time.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <fmt/format.h>
#include <map>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

/// GEMM at 1.25 times the roofline and 5 us, `per_octave` sizes of m in each factor of two.
std::string dense_table(hardware::Chip const& chip, int per_octave, std::string const& licence = "MIT") {
    std::string out = table_header;
    for (int i = 0; i <= 6 * per_octave; ++i) {
        auto const m = std::llround(256 * std::exp2(static_cast<double>(i) / per_octave));
        for (std::int64_t n : {2048, 4096, 8192}) {
            Kernel kernel{
                .op = *find_table_op("gemm"), .dtype = "bf16", .m = m, .n = n, .k = 4096, .options = {}};
            auto const bound = roofline_time(roofline_of(chip, kernel), work_of(kernel)) + Seconds{5e-6};
            out += fmt::format("{},gemm,bf16,{},{},4096,1,kern=test,{:.6g},aiconfigurator,{}\n", chip.id, m,
                               n, 1.25 * bound.value() * 1e6, licence);
        }
    }
    return out;
}

} // namespace

TEST_CASE("a grid has fewer cells than there were rows, and counts all of these", "[timing]") {
    auto const x = example_chip("X");
    TimingStore rows;
    rows.set_expectations(test::expectations());
    rows.set_reference_chips({x});
    rows.parse(dense_table(x, 8), "rows.csv");
    auto const grid = condense(rows, x);
    std::int64_t cells = 0, measurements = 0;
    auto const report = parse_timing_table(grid, "grid.csv", [&](Measurement const& cell) {
        ++cells;
        measurements += cell.measurements;
        CHECK(cell.chip == "X");
        CHECK(cell.source == "aiconfigurator");
        CHECK(cell.licence == "MIT");
        CHECK(cell.kernel.options.library == "test");
    });
    CHECK(report.refused.empty());
    CHECK(cells == 7 * 3); // m from 2^8 to 2^14, three n
    CHECK(measurements == 49 * 3);
}

TEST_CASE("a look-up in a grid gives the efficiency back, as interpolated and never as measured",
          "[timing]") {
    auto const x = example_chip("X");
    TimingStore rows, store;
    rows.set_reference_chips({x});
    rows.parse(dense_table(x, 8), "rows.csv");
    store.set_reference_chips({x});
    store.parse(condense(rows, x), "grid.csv");
    Estimator const estimator{store};
    for (std::int64_t m : {1024, 1500, 4000}) {
        model::Operation const op{.kind = model::OpKind::gemm, .m = m, .n = 4096, .k = 4096};
        auto const said = operation_time(estimator, x, op).duration;
        // 1.25 x (2 m 4096^2 / 100e12 + 5 us)
        auto const expected = 1.25 * (2.0 * static_cast<double>(m) * 4096 * 4096 / 100e12 + 5e-6);
        CHECK(said.time.value() == Approx(expected).epsilon(0.02));
        CHECK(said.evidence == Evidence::interpolated);
    }
}

TEST_CASE("exchanges by more processors and by fewer are cells of their own", "[timing]") {
    auto const x = example_chip("X");
    TimingStore rows;
    rows.set_expectations(test::expectations());
    rows.set_reference_chips({x});
    std::string table = table_header;
    for (auto const& [sms, us] : {std::pair{12, 400}, std::pair{24, 250}}) {
        table += fmt::format("X,ep_dispatch,bf16,4096,7168,8,8,experts=256;sms={};kern=deepep,{},me,MIT\n",
                             sms, us);
    }
    rows.parse(table, "rows.csv");
    std::map<int, double> times;
    auto const report = parse_timing_table(condense(rows, x), "grid.csv", [&](Measurement const& cell) {
        times[cell.kernel.options.sms] = cell.time.value() * 1e6;
    });
    CHECK(report.refused.empty());
    REQUIRE(times.size() == 2);
    CHECK(times.at(12) == Approx(400.0).epsilon(1e-3));
    CHECK(times.at(24) == Approx(250.0).epsilon(1e-3));
}

TEST_CASE("measurements whose licence passes on to works made from them are not condensed", "[timing]") {
    auto const x = example_chip("X");
    TimingStore rows;
    rows.set_expectations(test::expectations());
    rows.set_reference_chips({x});
    rows.parse(dense_table(x, 2, "CC-BY-SA-4.0"), "rows.csv");
    CHECK(condense(rows, x).empty());
}

TEST_CASE("condensing twice gives the same bytes", "[timing]") {
    auto const x = example_chip("X");
    TimingStore rows;
    rows.set_expectations(test::expectations());
    rows.set_reference_chips({x});
    rows.parse(dense_table(x, 4), "rows.csv");
    CHECK(condense(rows, x) == condense(rows, x));
}

TEST_CASE("a grid with a spread or a count that cannot be is an error with its place", "[timing]") {
    std::string const header = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence,measurements,spread\n";
    auto const parse = [&](std::string const& line) {
        return parse_timing_table(header + line, "g.csv", [](Measurement const&) {});
    };
    CHECK(parse("X,gemm,bf16,8,8,8,1,,2,s,MIT,3,0.02\n").rows == 1);
    CHECK_THROWS_WITH(parse("X,gemm,bf16,8,8,8,1,,2,s,MIT,3,nan\n"),
                      Catch::Contains("g.csv:2") && Catch::Contains("spread"));
    CHECK_THROWS_WITH(parse("X,gemm,bf16,8,8,8,1,,2,s,MIT,many,0.02\n"), Catch::Contains("measurements"));
}
