#include "model/parameters.hpp"
#include "no_tables.hpp"
#include "parallel/build_program.hpp"
#include "scenario/run_scenario.hpp"
#include "scenario/scenario.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

namespace {

scenario::Scenario tutorial_with(std::vector<io::TomlOverride> const& settings) {
    return scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/03-experts-across-nodes.toml",
                                   settings, MOESAIC_SOURCE_DIR);
}

} // namespace

TEST_CASE("how a router loads the experts says how busy the busiest rank is", "[scenario]") {
    auto const even = tutorial_with({});
    CHECK_FALSE(even.routing);
    CHECK(even.plan.kinds.at(0).expert_imbalance == 1.0);
    auto const uneven = tutorial_with({{"routing.kind", "\"gini\""}, {"routing.gini", "0.24"}});
    REQUIRE(uneven.routing);
    // 128 experts on 16 ranks, 94 layers
    CHECK(uneven.plan.kinds.at(0).expert_imbalance ==
          model::rank_imbalance(*uneven.routing, uneven.model, 16, uneven.seed));
    CHECK(uneven.plan.kinds.at(0).expert_imbalance > 1.1);
    auto const narrow =
        tutorial_with({{"routing.kind", "\"gini\""}, {"routing.gini", "0.24"}, {"parallel.expert", "8"}});
    CHECK(narrow.plan.kinds.at(0).expert_imbalance < uneven.plan.kinds.at(0).expert_imbalance);
}

TEST_CASE("a preset of the user's own data loads the experts as it says", "[scenario]") {
    namespace fs = std::filesystem;
    TemporaryFile const data{"own_preset"};
    fs::create_directories(data.path + "/scenarios");
    for (auto const* part : {"/platforms", "/scenarios/models"}) {
        fs::create_directory_symlink(std::string{MOESAIC_SOURCE_DIR} + part, data.path + part);
    }
    std::ofstream{data.path + "/scenarios/routing_presets.toml"}
        << "[preset.ours]\ngini = 0.33\nsource = \"our router's log\"\n";
    std::string const tutorial = MOESAIC_SOURCE_DIR "/scenarios/tutorial/03-experts-across-nodes.toml";
    auto const own = scenario::read_scenario(
        tutorial, {{"routing.kind", "\"gini\""}, {"routing.preset", "\"ours\""}}, data.path);
    auto const by_number = tutorial_with({{"routing.kind", "\"gini\""}, {"routing.gini", "0.33"}});
    CHECK(own.plan.kinds.at(0).expert_imbalance == by_number.plan.kinds.at(0).expert_imbalance);
}

TEST_CASE("routing and expert_imbalance exclude each other", "[scenario]") {
    CHECK_THROWS_WITH(tutorial_with({{"routing.kind", "\"balanced\""}, {"parallel.expert_imbalance", "1.5"}}),
                      Catch::Contains("say the same thing twice"));
}

TEST_CASE("redundant experts make the busiest rank less busy, and cost memory and sums of gradients",
          "[scenario]") {
    std::vector<io::TomlOverride> const skewed{{"routing.kind", "\"gini\""}, {"routing.gini", "0.4"}};
    auto copied = skewed;
    copied.push_back({"parallel.redundant_experts", "16"});
    auto const without = tutorial_with(skewed);
    auto const with = tutorial_with(copied);
    auto const& kind = with.plan.kinds.at(0);
    CHECK(kind.expert_imbalance < without.plan.kinds.at(0).expert_imbalance);
    CHECK(kind.copied_experts > 1.0); // 16 copies and their first ones on 16 ranks
    CHECK(kind.expert_copies >= 2.0);
    auto const topology = scenario::topology_of(with);
    auto const timings = test::no_tables();
    auto const job = [&](scenario::Scenario const& s) {
        return parallel::Job{s.model, s.plan, s.shape, topology, timings};
    };
    auto const held = [&](scenario::Scenario const& s) {
        return parallel::memory_of_classes(job(s)).front().parts.weights.value();
    };
    // 128 experts in 8 places of each rank become 144 in 9
    double experts = 0;
    for (int layer = 0; layer < with.model.layers; ++layer) {
        experts += static_cast<double>(model::layer_parameters(with.model, layer).experts);
    }
    CHECK(held(with) - held(without) ==
          Approx(2.0 * experts / 128 / parallel::stages_of(kind)).epsilon(1e-6));
    auto const sums = [&](scenario::Scenario const& s) {
        double bytes = 0;
        auto const program = parallel::build_program(job(s));
        for (auto const& block : program.classes.front().blocks) {
            for (auto const& op : block.ops) {
                auto const* c = std::get_if<parallel::Collective>(&op.work);
                bytes += c && c->role == "gradients of redundant experts" ? c->bytes.value() : 0.0;
            }
        }
        return bytes;
    };
    CHECK(sums(without) == 0.0);
    CHECK(sums(with) > 0.0);
}

TEST_CASE("redundant experts that do not divide, or without a routing, are refused", "[scenario]") {
    CHECK_THROWS_WITH(tutorial_with({{"parallel.redundant_experts", "16"}}),
                      Catch::Contains("without [routing] none is busier"));
    CHECK_THROWS_WITH(
        tutorial_with(
            {{"routing.kind", "\"gini\""}, {"routing.gini", "0.4"}, {"parallel.redundant_experts", "5"}}),
        Catch::Contains("128 experts and 5 redundant ones do not divide over 16 ranks"));
}

TEST_CASE("experts on ranks of their own wait for the busiest of all, with their own numbers", "[scenario]") {
    auto const read = [](std::vector<io::TomlOverride> settings) {
        settings.push_back({"routing.kind", "\"gini\""});
        settings.push_back({"routing.gini", "0.24"});
        return scenario::read_scenario(MOESAIC_SOURCE_DIR
                                       "/scenarios/tutorial/11-attention-and-experts-apart.toml",
                                       settings, MOESAIC_SOURCE_DIR);
    };
    auto const s = read({});
    CHECK(s.plan.kinds.at(0).expert_imbalance == model::rank_imbalance(*s.routing, s.model, 16, s.seed));
    CHECK(s.plan.kinds.at(0).expert_imbalance > 1.0);
    CHECK_THROWS_WITH(read({{"parallel.experts.by_speed", "true"}}),
                      Catch::Contains("do not go together yet"));
}
