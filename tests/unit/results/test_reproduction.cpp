#include "results/reproduction.hpp"

#include "io/hdf5.hpp"
#include "results/reproduction_file.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace moesaic;
using namespace moesaic::results;

namespace {

Reproduced run(std::string vendor, double published, double simulated, std::string flag = {}) {
    Reproduced out;
    out.vendor = std::move(vendor);
    out.flag = std::move(flag);
    out.published = Seconds{published};
    out.simulated = Seconds{simulated};
    out.interval = {Seconds{simulated * 0.9}, Seconds{simulated * 1.1}};
    out.model_flop = 1e15;
    return out;
}

GroupAccuracy group(std::vector<GroupAccuracy> const& all, std::string const& name) {
    for (auto const& g : all) {
        if (g.group == name) {
            return g;
        }
    }
    FAIL("no group " << name);
    return {};
}

} // namespace

TEST_CASE("the error is the logarithm of simulated over published", "[results]") {
    CHECK(error_of(run("A", 2.0, 1.0)) == Approx(-std::log(2.0)));
}

TEST_CASE("rank correlation is 1 for the same order, -1 for the reverse; ties share their rank",
          "[results]") {
    CHECK(rank_correlation({1, 2, 3, 10}, {2, 3, 4, 5}).value() == Approx(1.0));
    CHECK(rank_correlation({1, 2, 3}, {3, 2, 1}).value() == Approx(-1.0));
    // ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: covariance 4.5 over sqrt(4.5 x 5)
    CHECK(rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}).value() == Approx(4.5 / std::sqrt(4.5 * 5.0)));
    CHECK_FALSE(rank_correlation({1, 2}, {1, 2}));
}

TEST_CASE("runs whose software nobody described are a group of their own", "[results]") {
    auto stands_in = run("A", 1.0, 2.0);
    stands_in.software_known = false;
    auto const all = accuracy_by_group({run("A", 1.0, 1.0), stands_in});
    CHECK(group(all, "software described").median == 0.0);
    CHECK(group(all, "software not described").median == Approx(std::log(2.0)));
}

TEST_CASE("groups count what is neither flagged nor failed", "[results]") {
    auto failed = run("A", 1.0, 1.0);
    failed.problem = "cannot be priced";
    auto const all = accuracy_by_group({run("A", 1.0, 1.05), run("A", 1.0, 0.8), run("B", 1.0, 1.0),
                                        run("B", 1.0, 9.0, "wrong unit"), failed});
    auto const everything = group(all, "all"), a = group(all, "vendor A");
    CHECK(everything.records == 3);
    CHECK(a.records == 2);
    CHECK(a.median == Approx((std::log(1.05) - std::log(0.8)) / 2));
    CHECK(a.bias == Approx((std::log(1.05) + std::log(0.8)) / 2));
    CHECK(a.coverage == Approx(0.5)); // 0.8 to the published 1.0 is outside of 0.72 to 0.88
}

TEST_CASE("a file of reproductions has no figures of a run that could not be simulated", "[results]") {
    auto failed = run("A", 2.0, 0.0);
    failed.problem = "cannot be priced";
    TemporaryFile const file{"reproduced.h5"};
    write_reproduction(file.path, {run("A", 2.0, 1.0), failed}, "1");
    io::Hdf5Reader const back{file.path};
    CHECK(back.numbers("/records/published") == std::vector{2.0, 2.0});
    for (auto const* column : {"simulated", "low", "high", "error", "measured", "analytic"}) {
        INFO(column);
        auto const values = back.numbers(std::string{"/records/"} + column);
        CHECK_FALSE(std::isnan(values[0]));
        CHECK(std::isnan(values[1]));
    }
}
