#include "small_sweep.hpp"

#include "io/hdf5.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace moesaic;
using nlohmann::json;

namespace {

constexpr char const* header = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n";

/// Ling-Lite on a node of H20 and on one of Ascend 910B2, with a table of timings that the user brings.
struct TwoChips : SmallSweep {
    std::string table = folder.path + "/own.csv", cache = folder.path + "/cache";

    TwoChips()
        : SmallSweep{"[[axes]]\nname = \"cluster\"\npath = \"pools[0].cluster\"\n"
                     "values = [\"h20_4096\", \"ascend_910b2_4096\"]\n"} {}

    void bring(std::string const& rows) const { std::ofstream{table} << header << rows; }

    struct Counts {
        int simulated = 0, cached = 0;
        friend bool operator==(Counts const&, Counts const&) = default;
    };
    /// A sweep with the cache; its result has to be that of a sweep without, bit for bit.
    [[nodiscard]] Counts sweep() const {
        auto const told = json::parse(
            run("sweep", fmt::format("--json -q -j 2 --cache {} --timings {}", cache, table)).out);
        REQUIRE(told["ok"] == 2);
        auto const anew = folder.path + "/anew.h5";
        run_program(fmt::format("sweep {} -q --no-cache --timings {} -o {}", file, table, anew));
        REQUIRE((bytes_of(output) == bytes_of(anew)));
        auto const cached = told["cached"].get<int>();
        return {2 - cached, cached};
    }
};

/// A product of Ling-Lite's size, so many microseconds long.
std::string gemm_on(std::string const& chip, double us) {
    return fmt::format("{},gemm,bf16,4096,2048,2048,1,kern=own,{},own,MIT\n", chip, us);
}

} // namespace

TEST_CASE("a changed row of timings computes the points again that could use it, and no others", "[cli]") {
    TwoChips const sweep;
    auto const rows = gemm_on("H20", 400) + gemm_on("Ascend910B2", 200);
    sweep.bring(rows);
    CHECK(sweep.sweep() == TwoChips::Counts{2, 0});
    CHECK(sweep.sweep() == TwoChips::Counts{0, 2});

    SECTION("of the one chip") {
        sweep.bring(gemm_on("H20", 401) + gemm_on("Ascend910B2", 200));
        CHECK(sweep.sweep() == TwoChips::Counts{1, 1});
        sweep.bring(rows); // what it was is still in the cache
        CHECK(sweep.sweep() == TwoChips::Counts{0, 2});
    }
    SECTION("of the other") {
        sweep.bring(gemm_on("H20", 400) + gemm_on("Ascend910B2", 201));
        CHECK(sweep.sweep() == TwoChips::Counts{1, 1});
    }
    SECTION("a comment, rows of an operation that no step has, and one that beats the chip") {
        sweep.bring(
            rows +
            "H20,conv_like,bf16,1,1,1,1,,5,own,MIT\nH20,gemm,bf16,4096,4096,4096,1,kern=own,1,own,MIT\n");
        CHECK(sweep.sweep() == TwoChips::Counts{0, 2});
    }
    SECTION("a format that no step asks for lies in one group with those that it does") {
        sweep.bring(rows + "H20,gemm,fp8,4096,2048,2048,1,kern=own,250,own,MIT\n");
        CHECK(sweep.sweep().simulated >= 1);
    }
    SECTION("a nearer chip that had no rows of an operation") {
        // no Ascend has grouped products: those of other makers were lent, by what they take more than plain ones
        auto const before = bytes_of(sweep.output);
        sweep.bring(rows + gemm_on("huawei_ascend_910b3", 200) +
                    "huawei_ascend_910b3,grouped_gemm,bf16,512,1408,2048,8,kern=own,900,own,MIT\n");
        CHECK(sweep.sweep().simulated >= 1);
        CHECK((bytes_of(sweep.output) != before));
    }
    SECTION("of a chip that neither looks at") {
        sweep.bring(rows + "MI300X,train_step,bf16,1,1,1,1,,5000,own,MIT\n");
        CHECK(sweep.sweep() == TwoChips::Counts{0, 2});
    }
}

TEST_CASE("a sweep that was stopped goes on with the points whose timings are as they were", "[cli]") {
    TwoChips const sweep;
    sweep.bring(gemm_on("H20", 400) + gemm_on("Ascend910B2", 200));
    auto const options = fmt::format("--no-cache --timings {}", sweep.table);
    // both points are finished, the result is not written
    auto const ran = sweep.run("sweep-worker", options + sweep.stdin_of("0\n1\n"));
    REQUIRE(ran.exit_code == 0);
    sweep.bring(gemm_on("H20", 401) + gemm_on("Ascend910B2", 200));
    auto const pending = sweep.run("sweep-worker", options + " --pending");
    CHECK(pending.out == "0\n");
    auto const merged = json::parse(sweep.run("merge", "--json --timings " + sweep.table).out);
    CHECK((merged["ok"] == 1 && merged["missing"] == 1));
}
