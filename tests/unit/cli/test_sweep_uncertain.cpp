#include "io/hdf5.hpp"
#include "small_sweep.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace moesaic;
using nlohmann::json;

TEST_CASE("points that draw the timings' errors spread as the interval of the step says", "[cli]") {
    SmallSweep const sweep{"uncertain = \"timings\"\ndesign = { kind = \"random\", points = 120 }\n"};
    REQUIRE(sweep.run("sweep", "-q --no-cache").exit_code == 0);
    io::Hdf5Reader const file{sweep.output};
    auto const steps = file.numbers("/points/step_time_s");
    REQUIRE(steps.size() == 120);
    double sum = 0, squares = 0;
    for (auto const step : steps) {
        sum += std::log(step);
        squares += std::log(step) * std::log(step);
    }
    auto const spread = std::sqrt(squares / 120 - sum / 120 * (sum / 120));
    // 80 % lie within 1.2816 standard deviations of the logarithm
    auto const sigma_of = [](double high, double step) { return std::log(high / step) / 1.2816; };
    // what was drawn is no longer uncertain: the error of the model alone is left, the same at every point
    auto const highs = file.numbers("/points/step_time_high_80_s");
    auto const model = sigma_of(highs[0], steps[0]);
    CHECK(sigma_of(highs[1], steps[1]) == Approx(model));
    auto const run = json::parse(run_program("run --json " + tutorial("01-one-node.toml")).out);
    auto const all = sigma_of(run["step_time_interval_80_s"][1], run["step_time_s"]);
    REQUIRE(model < all);
    // the spread of 120 draws is known to 1/sqrt(240), and sums are not products
    CHECK(spread == Approx(std::sqrt(all * all - model * model)).epsilon(0.15));
}

TEST_CASE("a draw of the timings' errors does not depend on how many there are", "[cli]") {
    auto const first_steps = [](int points) {
        SmallSweep const sweep{"uncertain = \"catalogue\"\ndesign = { kind = \"random\", points = " +
                               std::to_string(points) + " }\n"};
        REQUIRE(sweep.run("sweep", "-q --no-cache").exit_code == 0);
        auto steps = io::Hdf5Reader{sweep.output}.numbers("/points/step_time_s");
        steps.resize(3);
        return steps;
    };
    CHECK(first_steps(3) == first_steps(5));
}
