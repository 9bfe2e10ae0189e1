#include "timing/error_draw.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

using namespace moesaic::timing;

TEST_CASE("errors of one kind go together, those of unlike kinds do not", "[timing]") {
    ErrorDraw const errors{1, 5};
    CHECK(errors.factor("h800 gemm bf16", 0.1) == errors.factor("h800 gemm bf16", 0.1));
    // one standard normal number for the kind: twice the uncertainty, twice the error
    CHECK(std::log(errors.factor("h800 gemm bf16", 0.2)) ==
          Approx(2 * std::log(errors.factor("h800 gemm bf16", 0.1))));
    CHECK(errors.factor("h800 gemm bf16", 0.1) != errors.factor("h800 gemm fp8", 0.1));
    CHECK(errors.factor("h800 gemm bf16", 0.1) != ErrorDraw{1, 6}.factor("h800 gemm bf16", 0.1));
    CHECK(errors.factor("h800 gemm bf16", 0.1) != ErrorDraw{2, 5}.factor("h800 gemm bf16", 0.1));
    CHECK(errors.factor("anything", 0) == 1);
}

TEST_CASE("the logarithm of a drawn error has the stated spread and no bias", "[timing]") {
    constexpr int draws = 4000;
    double sum = 0, squares = 0;
    for (int draw = 0; draw < draws; ++draw) {
        auto const error = std::log(ErrorDraw{1, draw}.factor("h800 gemm bf16", 0.2));
        sum += error;
        squares += error * error;
    }
    CHECK(sum / draws == Approx(0).margin(0.01)); // three standard errors: 3 x 0.2 / sqrt(4000)
    CHECK(std::sqrt(squares / draws) == Approx(0.2).epsilon(0.05));
}
