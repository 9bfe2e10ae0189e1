#include "export_control/truth.hpp"

#include <catch2/catch.hpp>

using namespace moesaic::export_control;
using enum Truth;

TEST_CASE("not turns yes and no round and leaves unknown as it is", "[export_control]") {
    CHECK((!yes) == no);
    CHECK((!no) == yes);
    CHECK((!unknown) == unknown);
}

TEST_CASE("and is unknown only where the unknown part decides", "[export_control]") {
    CHECK((yes & yes) == yes);
    CHECK((yes & unknown) == unknown);
    CHECK((yes & no) == no);
    CHECK((unknown & unknown) == unknown);
    CHECK((unknown & no) == no);
    CHECK((no & no) == no);
}

TEST_CASE("or is unknown only where the unknown part decides", "[export_control]") {
    CHECK((yes | yes) == yes);
    CHECK((yes | unknown) == yes);
    CHECK((yes | no) == yes);
    CHECK((unknown | unknown) == unknown);
    CHECK((unknown | no) == unknown);
    CHECK((no | no) == no);
}

TEST_CASE("de Morgan's laws hold with three values", "[export_control]") {
    for (auto const a : {no, unknown, yes}) {
        for (auto const b : {no, unknown, yes}) {
            CHECK((!(a & b)) == ((!a) | (!b)));
            CHECK((!(a | b)) == ((!a) & (!b)));
            CHECK((a & b) == (b & a));
            CHECK((a | b) == (b | a));
        }
    }
}
