#include "base/nearest_names.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("a swapped letter still finds the name that was meant", "[base]") {
    CHECK(nearest_names("nvidia_h02", {"nvidia_h20", "nvidia_h200_sxm", "amd_mi300x"}).front() ==
          "nvidia_h20");
}

TEST_CASE("a part of a name finds the whole one", "[base]") {
    CHECK(nearest_names("910b2", {"huawei_ascend_910b2", "nvidia_h20"}) ==
          std::vector<std::string>{"huawei_ascend_910b2"});
}

TEST_CASE("a name like no other lists what is known", "[base]") {
    CHECK(suggestion("zzzzzzzz", {"alpha", "beta"}) == "Known: alpha, beta");
    CHECK(suggestion("alpa", {"alpha", "beta"}) == "Did you mean alpha?");
}
