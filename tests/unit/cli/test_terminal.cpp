#include "cli/terminal.hpp"

#include <catch2/catch.hpp>

using namespace moesaic::cli;

TEST_CASE("a bar is as wide as its shares add up to", "[cli]") {
    // of 10: 5.2, 7.4 and 10 are 5, 7 and 10 when rounded
    CHECK(bar_text(0.52, 0.22, 0.26, 10) == "█████▓▓░░░");
    CHECK(bar_text(1.0, 0.0, 0.0, 3) == "███");
}

TEST_CASE("only the blocks of a bar are coloured, and the colour ends with them", "[cli]") {
    CHECK(with_coloured_bars("a █▓\n") == "a \x1b[34m█\x1b[33m▓\x1b[0m\n");
    CHECK(with_coloured_bars("no bar, é") == "no bar, é");
}
