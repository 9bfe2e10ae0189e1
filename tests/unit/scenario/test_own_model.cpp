#include "io/text_file.hpp"
#include "scenario/scenario.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("a scenario may bring a model of its own", "[scenario]") {
    std::string const source = MOESAIC_SOURCE_DIR;
    auto text = io::read_text_file(source + "/scenarios/papers/ling_2025/device_d.toml");
    std::string const by_id = "model = \"ling_plus\"\n";
    auto const at = text.find(by_id);
    REQUIRE(at != std::string::npos);
    text.erase(at, by_id.size());
    text += R"(
[model]
id = "own"
[model.shape]
source = "test"
layers = 8
hidden = 1024
vocab = 32000
sequence_length = 2048
dense_ffn = 4096
[model.attention]
source = "test"
kind = "gqa"
heads = 8
head_dim = 128
)";
    TemporaryFile const file{"own_model.toml"};
    io::write_text_file(file.path, text);
    auto const scenario = scenario::read_scenario(file.path, {{"parallel.expert", "1"}}, source);
    CHECK(scenario.model.id == "own");
    CHECK(scenario.model.layers == 8);
    REQUIRE(scenario.model.sources.size() == 2);
}
