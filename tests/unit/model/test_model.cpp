#include "base/errors.hpp"
#include "unit/model/models.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

namespace {

std::string toml_with(std::string const& shape, std::string const& attention, std::string const& rest = "") {
    return "id = \"m\"\n[shape]\nsource = \"s\"\nlayers = 4\nhidden = 64\nvocab = 128\nsequence_length = "
           "32\n" +
           shape + "\n[attention]\nsource = \"a\"\n" + attention + "\n" + rest;
}
std::string const gqa = "kind = \"gqa\"\nheads = 4\nhead_dim = 16\n";
std::string const dense = "dense_ffn = 256\n";

std::string problem_of(std::string const& toml) {
    try {
        (void)model_of(toml);
    } catch (InputError const& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("a dense model is read with its defaults", "[model]") {
    auto const model = model_of(toml_with(dense, gqa));
    CHECK(model.name == "m");
    CHECK(std::get<Gqa>(model.attention).kv_heads == 4);
    CHECK(model.gated_ffn);
    CHECK_FALSE(model.tied_embeddings);
    CHECK(model.norm == Norm::rmsnorm);
    CHECK(moe_layers(model) == 0);
    REQUIRE(model.sources.size() == 2);
    CHECK(model.sources[0].section == "shape");
    CHECK(model.sources[1].source == "a");
}

TEST_CASE("positions are rotary unless they are learned or the model says otherwise", "[model]") {
    CHECK(model_of(toml_with(dense, gqa)).rotary);
    CHECK_FALSE(model_of(toml_with(dense + "learned_positions = 32", gqa)).rotary);
    CHECK_FALSE(model_of(toml_with(dense + "rotary = false", gqa)).rotary);
}

TEST_CASE("leading dense layers come before those with experts", "[model]") {
    auto const model = model_of(toml_with(
        dense, gqa,
        "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 2\nexpert_ffn = 32\nleading_dense_layers = 1\n"));
    CHECK_FALSE(is_moe_layer(model, 0));
    CHECK(is_moe_layer(model, 1));
    CHECK(moe_layers(model) == 3);
}

TEST_CASE("the last of every so many layers behind the leading dense ones has experts", "[model]") {
    auto const model = model_of(toml_with(dense, gqa,
                                          "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 2\nexpert_ffn = "
                                          "32\nevery = 2\nleading_dense_layers = 1\n"));
    REQUIRE(model.layers == 4);
    std::vector<bool> with_experts;
    for (int layer = 0; layer < model.layers; ++layer) {
        with_experts.push_back(is_moe_layer(model, layer));
    }
    CHECK(with_experts == std::vector{false, false, true, false});
    CHECK(moe_layers(model) == 1);
    CHECK(problem_of(toml_with(dense, gqa,
                               "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 2\nexpert_ffn = 32\nevery = 5\n"))
              .find("moe.every: 0 leading dense layers, and every 5 behind them, leave none of 4") !=
          std::string::npos);
}

TEST_CASE("a window holds for all layers but the last of each so many", "[model]") {
    auto const model = shipped_model("gpt_oss_20b");
    CHECK(window_of(model, 0) == 128);
    CHECK(window_of(model, 1) == 0);
    CHECK(window_of(model, 22) == 128);
    CHECK(window_of(model, 23) == 0);
    CHECK(window_of(shipped_model("mistral_7b"), 31) == 4096);
    CHECK(window_of(shipped_model("llama3_8b"), 0) == 0);
    CHECK(problem_of(toml_with(dense, std::string{gqa} + "full_attention_every = 2\n"))
              .find("attention.full_attention_every: has no use without a window") != std::string::npos);
}

TEST_CASE("a shape without its source is refused", "[model]") {
    CHECK(problem_of("id = \"m\"\n[shape]\nlayers = 1\nhidden = 1\nvocab = 1\nsequence_length = "
                     "1\n[attention]\nkind=\"gqa\"\n")
              .find("shape.source") != std::string::npos);
}

TEST_CASE("figures that cannot be are refused where they stand", "[model]") {
    CHECK(problem_of(toml_with(dense, "kind = \"gqa\"\nheads = 4\nkv_heads = 3\nhead_dim = 16\n"))
              .find("test.toml:14:12: attention.kv_heads: 4 heads are not a multiple of 3") !=
          std::string::npos);
    CHECK(problem_of(toml_with(dense, "kind = \"linear\"\n")).find("Known: gqa") != std::string::npos);
    CHECK(problem_of(toml_with(dense + "norm = \"batchnorm\"", gqa)).find("Known: rmsnorm") !=
          std::string::npos);
    CHECK(problem_of(toml_with("", gqa)).find("missing for a model with dense layers") != std::string::npos);
    CHECK(problem_of(toml_with(dense, gqa, "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 9\nexpert_ffn = 32\n"))
              .find("top 9 of 8 experts") != std::string::npos);
    CHECK(problem_of(toml_with(dense, gqa, "[moe]\nsource = \"e\"\nexperts = 8\ntopk = 2\nexpert_ffn = 32\n"))
              .find("every layer has experts") != std::string::npos);
    CHECK(problem_of(toml_with(dense + "hiden = 3", gqa)).find("hiden") != std::string::npos);
    CHECK(problem_of(toml_with(dense, gqa, "[published]\nsource = \"p\"\ntotal_parameters = \"12\"\n"))
              .find("is no number of parameters") != std::string::npos);
}

TEST_CASE("a printed count keeps the size of its last digit", "[model]") {
    auto const model = model_of(toml_with(
        dense, gqa,
        "[published]\nsource = \"p\"\ntotal_parameters = \"1.04T\"\nactive_parameters = \"32B\"\n"));
    CHECK(model.published->total.value == 1.04e12);
    CHECK(model.published->total.unit == Approx(0.01e12));
    CHECK(model.published->active->value == 32e9);
    CHECK(model.published->active->unit == 1e9);
}

TEST_CASE("an unknown model names the nearest ones", "[model]") {
    try {
        (void)shipped_models().model("ling_pluss", Origin{"my.toml", 3, 9, "model"});
        FAIL("no error");
    } catch (InputError const& error) {
        CHECK(std::string{error.what()}.find(
                  "my.toml:3:9: model: model 'ling_pluss' is not known. Did you mean ling_plus") !=
              std::string::npos);
    }
}
