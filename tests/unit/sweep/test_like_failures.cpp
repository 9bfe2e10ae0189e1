#include "sweep/like_failures.hpp"

#include <catch2/catch.hpp>

using namespace moesaic::sweep;

TEST_CASE("failures are alike where their messages differ in numbers alone, whatever their order",
          "[sweep]") {
    auto const fails = [](std::vector<std::pair<std::int64_t, std::string>> const& all) {
        FailureGroups groups;
        for (auto const& [point, message] : all) {
            groups.add(point, {"input", message});
        }
        return groups.by_frequency();
    };
    for (auto const& groups : {fails({{1, "needs 80.5 GiB of 80"},
                                      {2, "no chips"},
                                      {7, "needs 120 GiB of 80"},
                                      {9, "needs 9.25 GiB of 8"}}),
                               fails({{9, "needs 9.25 GiB of 8"},
                                      {2, "no chips"},
                                      {7, "needs 120 GiB of 80"},
                                      {1, "needs 80.5 GiB of 80"}})}) {
        REQUIRE(groups.size() == 2);
        CHECK((groups[0].points == 3 && groups[0].first == 1 && groups[0].message == "needs 80.5 GiB of 80"));
        CHECK((groups[1].points == 1 && groups[1].first == 2));
    }
    CHECK(fails({}).empty());
}
