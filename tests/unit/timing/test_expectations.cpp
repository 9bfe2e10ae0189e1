#include "no_tables.hpp"

#include "example_chips.hpp"
#include "io/text_file.hpp"
#include "timing/kernel_time.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

std::string shipped() {
    return io::read_text_file(MOESAIC_SOURCE_DIR "/platforms/timings/expectations.toml");
}

Expectations with(std::string const& old_text, std::string const& new_text) {
    auto text = shipped();
    auto const at = text.find(old_text);
    REQUIRE(at != std::string::npos);
    return read_expectations(
        io::parse_toml(text.replace(at, old_text.size(), new_text), "expectations.toml"));
}

} // namespace

TEST_CASE("a figure without a source, with an unknown name or below zero is refused with its place",
          "[timing]") {
    CHECK_THROWS_WITH(with("source = \"assumed: no data\", ", ""),
                      Catch::Contains("expectations.toml:") && Catch::Contains("source"));
    CHECK_THROWS_WITH(with("\nlaunch ", "\nlunch "), Catch::Contains("launch"));
    CHECK_THROWS_WITH(with("{ value = 0.68", "{ value = -0.68"), Catch::Contains("products"));
}

TEST_CASE("a share is above 0 and at most 1, a factor above 0, a standard deviation no more than 3",
          "[timing]") {
    CHECK_THROWS_WITH(with("{ value = 0.68", "{ value = 0.0"), Catch::Contains("0 is not allowed (a share"));
    CHECK_THROWS_WITH(with("{ value = 0.75", "{ value = 1.5"),
                      Catch::Contains("1.5 is not allowed (a share"));
    CHECK_THROWS_WITH(with("{ value = 2.25", "{ value = 0"), Catch::Contains("ring_steps"));
    CHECK_THROWS_WITH(with("{ value = 0.36", "{ value = 50"), Catch::Contains("other_vendor"));
}

TEST_CASE("a kernel that no chip has rows of follows the expected share of the peak", "[timing]") {
    auto const x = example_chip("X");
    Kernel const kernel{
        .op = *find_table_op("gemm"), .dtype = "bf16", .m = 8192, .n = 8192, .k = 8192, .options = {}};
    auto const time = [&](Expectations const& expected) {
        TimingStore store;
        store.set_expectations(expected);
        store.set_reference_chips({x});
        return kernel_time(Estimator{store}, x, kernel).duration.time;
    };
    auto const launch = test::expectations().roofline.launch;
    CHECK((time(with("{ value = 0.68", "{ value = 0.34")) - launch) / (time(test::expectations()) - launch) ==
          Approx(2.0));
}
