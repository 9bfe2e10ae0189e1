#include "base/parallel_for.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace moesaic;

TEST_CASE("parallel_for calls each index once, with any number of workers", "[base]") {
    for (int const workers : {0, 1, 3, 200}) {
        std::vector<std::atomic<int>> calls(100);
        parallel_for(calls.size(), workers, [&](std::size_t i) { ++calls[i]; });
        for (auto const& count : calls) {
            CHECK(count == 1);
        }
    }
    parallel_for(0, 4, [](std::size_t) { FAIL("there is nothing to do"); });
}

TEST_CASE("parallel_for ends all work, then throws what the least index threw", "[base]") {
    std::atomic<int> calls = 0;
    auto const work = [&](std::size_t i) {
        ++calls;
        if (i % 10 == 7) {
            throw std::runtime_error{std::to_string(i)};
        }
    };
    CHECK_THROWS_WITH(parallel_for(50, 3, work), "7");
    CHECK(calls == 50);
}

TEST_CASE("as many workers as were asked for, else one per core at least", "[base]") {
    CHECK(workers_or_cores(3) == 3);
    CHECK(workers_or_cores(0) >= 1);
}
