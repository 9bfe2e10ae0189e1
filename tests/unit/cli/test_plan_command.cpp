#include "run_program.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using Catch::Matchers::Contains;

namespace {

Ran plan_of_tutorial(std::string const& options) {
    return run_program("plan " MOESAIC_SOURCE_DIR "/scenarios/tutorial/01-one-node.toml " + options);
}

} // namespace

TEST_CASE("plan says whether it is proved that no plan keeps to the limits, or only that none was found",
          "[cli]") {
    auto const proved = plan_of_tutorial("--days 0.001");
    CHECK(proved.exit_code == 2);
    CHECK_THAT(proved.err, Contains("none of ") && Contains(" plans fits the memory and the limits"));
    CHECK_THAT(proved.err, !Contains("--effort"));
    auto const open =
        run_program("plan " MOESAIC_SOURCE_DIR "/scenarios/tutorial/04-replicas-on-two-pools.toml --days 18");
    CHECK(open.exit_code == 2);
    CHECK_THAT(open.err, Contains("none was found among ") && Contains("--effort 4 may find one"));
}

TEST_CASE("an effort that no search could make is refused", "[cli]") {
    auto const most = plan_of_tutorial("--days 0.001 --effort 1000000");
    CHECK(most.exit_code == 2);
    CHECK_THAT(most.err, Contains("none of "));
    auto const more = plan_of_tutorial("--effort 2000000000");
    CHECK(more.exit_code != 0);
    CHECK_THAT(more.err, Contains("--effort"));
}
