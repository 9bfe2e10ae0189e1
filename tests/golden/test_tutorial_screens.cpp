#include "io/text_file.hpp"
#include "run_program.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

using namespace moesaic;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> tutorials() {
    std::vector<std::string> out;
    for (auto const& entry : fs::directory_iterator{MOESAIC_SOURCE_DIR "/scenarios/tutorial"}) {
        out.push_back(entry.path().stem().string());
    }
    std::ranges::sort(out);
    return out;
}

} // namespace

// The screens that a reader of the tutorial sees. After a change that alters results: ./dev golden, look at the difference,
// and name it in the changelog.
TEST_CASE("the tutorial's scenarios print the screens that are on file", "[golden]") {
    REQUIRE(tutorials().size() >= 7);
    for (auto const& name : tutorials()) {
        INFO(name);
        auto const ran = run_program("run " + tutorial(name + ".toml"));
        REQUIRE(ran.exit_code == 0);
        auto const file = std::string{MOESAIC_SOURCE_DIR "/tests/golden/screens/"} + name + ".txt";
        if (std::getenv("MOESAIC_UPDATE_GOLDEN") != nullptr) {
            io::write_text_file(file, ran.out);
        }
        CHECK(ran.out == io::read_text_file(file));
    }
}
