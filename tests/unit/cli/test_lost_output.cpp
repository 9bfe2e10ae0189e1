#include "run_program.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("output that does not arrive is an error with its reason, whatever the command", "[cli]") {
    for (std::string const& command :
         {std::string{"chips"}, std::string{"chips --json"}, std::string{"--help"}, std::string{"rules"},
          "run " + tutorial("01-one-node.toml"), "run --json " + tutorial("01-one-node.toml")}) {
        INFO(command);
        auto const ran = run_program(command + " > /dev/full");
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::EndsWith("error: stdout cannot be written (No space left on device)\n"));
        CHECK(ran.err.find("internal") == std::string::npos);
    }
}

TEST_CASE("a reader that has gone is no error to speak of", "[cli]") {
    // the pipe's signal, which would end it without a word, is passed over, so that its write fails
    auto const ran =
        run_program("--version > /dev/null; trap '' PIPE; (sleep 0.2; MOESAIC_DATA='" MOESAIC_SOURCE_DIR
                    "' '" MOESAIC_BINARY "' chips) | true");
    CHECK(ran.err.empty());
}
