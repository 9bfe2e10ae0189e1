#include "model/routing.hpp"

#include "unit/model/models.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <numeric>

using namespace moesaic;
using namespace moesaic::model;

namespace {

std::vector<double> loads_of(ExpertLoad const& load, int experts) {
    Rng rng{1, "test"};
    return expert_loads(load, 0, experts, rng);
}

Routing routing_of(std::string const& text, std::string const& folder = {}) {
    auto const table = io::parse_toml("[routing]\n" + text, "routing.toml").table("routing");
    auto const presets =
        read_routing_presets(io::read_toml_file(MOESAIC_SOURCE_DIR "/scenarios/routing_presets.toml"));
    return read_routing(table, shipped_model("deepseek_v3"), folder,
                        [&]() -> auto const& { return presets; });
}

/// What a reader says, or "no error".
template <class Read>
std::string error_of(Read const& read) {
    try {
        (void)read();
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("the Gini coefficient is 0 for equal loads and (n-1)/n where one expert has all", "[model]") {
    CHECK(gini_of(std::vector{1.0, 1.0, 1.0, 1.0}) == Approx(0.0));
    CHECK(gini_of(std::vector{0.0, 4.0, 0.0, 0.0}) == Approx(0.75));
    // 1, 3: mean difference |1-3|/2 over twice the mean: 1 / (2 x 2)
    CHECK(gini_of(std::vector{1.0, 3.0}) == Approx(0.25));
}

TEST_CASE("loads with a given Gini coefficient have it, and the mean 1", "[model]") {
    for (double const gini : {0.105, 0.15, 0.24, 0.4}) {
        for (int const experts : {8, 64, 256}) {
            auto const loads = loads_of(GiniLoad{gini}, experts);
            CHECK(gini_of(loads) == Approx(gini).epsilon(1e-9));
            CHECK(std::accumulate(loads.begin(), loads.end(), 0.0) == Approx(experts));
            CHECK(std::ranges::is_sorted(loads, std::greater{}));
        }
    }
}

TEST_CASE("Zipf loads fall with the power of their place", "[model]") {
    auto const loads = loads_of(ZipfLoad{1.0}, 4);
    // 1 + 1/2 + 1/3 + 1/4 = 25/12; the first over the mean: 1 / (25/48)
    CHECK(loads[0] == Approx(48.0 / 25.0));
    CHECK(loads[0] / loads[3] == Approx(4.0));
}

TEST_CASE("Dirichlet loads are as uneven as their concentration says", "[model]") {
    // variance of a share over its squared mean: (n-1) / (n a + 1)
    Rng rng{7, "test"};
    double sum = 0.0;
    int const draws = 400, n = 64;
    for (int i = 0; i < draws; ++i) {
        auto const loads = expert_loads(DirichletLoad{4.0}, i, n, rng);
        CHECK(std::accumulate(loads.begin(), loads.end(), 0.0) == Approx(n));
        sum += std::accumulate(loads.begin(), loads.end(), 0.0,
                               [](double s, double load) { return s + (load - 1) * (load - 1); }) /
               n;
    }
    CHECK(sum / draws == Approx(63.0 / (64 * 4.0 + 1)).epsilon(0.05));
}

TEST_CASE("more experts on a rank even out its load", "[model]") {
    auto const v3 = shipped_model("deepseek_v3");
    CHECK(rank_imbalance({}, v3, 64, 1) == 1.0);
    Routing const uneven{GiniLoad{0.24}, std::nullopt};
    auto const alone = rank_imbalance(uneven, v3, 256, 1);
    // one expert per rank: the busiest of 256, whatever the order
    CHECK(alone == Approx(loads_of(GiniLoad{0.24}, 256).front()));
    auto const four = rank_imbalance(uneven, v3, 64, 1);
    CHECK(four < alone);
    CHECK(four > 1.2);
    CHECK(rank_imbalance(uneven, v3, 1, 1) == Approx(1.0));
    CHECK(rank_imbalance(uneven, v3, 64, 1) == four); // the same seed, the same bits
    CHECK(rank_imbalance(uneven, v3, 64, 2) != four);
}

TEST_CASE("no expert gets a token twice, however uneven the router", "[model]") {
    auto const v3 = shipped_model("deepseek_v3"); // 8 of 256 experts
    for (ExpertLoad const& load : {ExpertLoad{ZipfLoad{50.0}}, ExpertLoad{DirichletLoad{1e-4}},
                                   ExpertLoad{DirichletLoad{1e-9}}, ExpertLoad{DirichletLoad{1e-300}}}) {
        CHECK(rank_imbalance({load, std::nullopt}, v3, 256, 1) == Approx(256.0 / 8));
        CHECK(rank_imbalance({load, std::nullopt}, v3, 1, 1) == Approx(1.0)); // all rows are somewhere
    }
}

TEST_CASE("the more uneven the router, the busier the busiest rank", "[model]") {
    auto const v3 = shipped_model("deepseek_v3");
    double before = 1.0;
    for (double const concentration : {1e3, 1e1, 1e-1, 1e-3, 1e-6, 1e-12}) {
        auto const now = rank_imbalance({DirichletLoad{concentration}, std::nullopt}, v3, 8, 1);
        CHECK(now >= before * 0.95); // draws differ; in the end 8 of 256 experts have everything
        before = now;
    }
}

TEST_CASE("experts take no more than their capacity", "[model]") {
    auto const v3 = shipped_model("deepseek_v3");
    Routing const capped{ZipfLoad{1.0}, 1.5};
    CHECK(rank_imbalance(capped, v3, 256, 1) == Approx(1.5));
}

TEST_CASE("measured loads keep their order and may differ by layer", "[model]") {
    auto const folder = std::filesystem::temp_directory_path() / "moesaic_test_routing";
    std::filesystem::create_directories(folder);
    {
        std::ofstream file{folder / "tokens.csv"};
        file << "layer,expert,tokens\n";
        for (int layer : {3, 4}) {
            for (int expert = 0; expert < 256; ++expert) {
                file << layer << ',' << expert << ',' << (layer == 3 && expert < 4 ? 20 : 10) << '\n';
            }
        }
    }
    auto const routing = routing_of("kind = \"measured\"\nfile = \"tokens.csv\"\n", folder.string());
    REQUIRE(std::get<MeasuredLoad>(routing.load).layers.size() == 2);
    // layer 3: the first rank of 64 has 4 experts of 20 tokens, the mean expert (256 x 10 + 40) / 256; layer 4 even
    double const uneven = 20.0 / (2600.0 / 256.0);
    CHECK(rank_imbalance(routing, shipped_model("deepseek_v3"), 64, 1) == Approx((uneven + 1.0) / 2));
    {
        std::ofstream file{folder / "tokens.csv"};
        file << "layer,expert,tokens\n";
        for (int layer = 0; layer < 61; ++layer) { // dense ones too
            file << layer << ",0,1\n";
        }
    }
    CHECK(error_of([&] {
              return routing_of("kind = \"measured\"\nfile = \"tokens.csv\"\n", folder.string());
          }).find("lists tokens of 61 layers, but only 58 of deepseek_v3 have experts") != std::string::npos);
    std::filesystem::remove_all(folder);
}

TEST_CASE("routing is read with its presets", "[model]") {
    CHECK(std::get<GiniLoad>(routing_of("kind = \"gini\"\npreset = \"nemotron_30b\"\n").load).gini == 0.150);
    CHECK(std::get<ZipfLoad>(routing_of("kind = \"zipf\"\nexponent = 1.2\n").load).exponent == 1.2);
    CHECK(routing_of("kind = \"balanced\"\ncapacity_factor = 1.25\n").capacity_factor == 1.25);
    auto const error_in = [](std::string const& text) { return error_of([&] { return routing_of(text); }); };
    CHECK(error_in("kind = \"gini\"\npreset = \"nemotron\"\n") ==
          "routing.toml:3:10: routing.preset: \"nemotron\" is not known. Did you mean nemotron_30b? "
          "(scenarios/routing_presets.toml)");
    CHECK(error_in("kind = \"zipf\"\nexponent = 1\npreset = \"nemotron_30b\"\n").find("is not a known key") !=
          std::string::npos);
    CHECK(error_in("kind = \"zip\"\n") ==
          "routing.toml:2:8: routing.kind: \"zip\" is not known. Did you mean zipf?");
    CHECK(error_in("kind = \"zipf\"\nexponent = -1\n").find("must be above 0") != std::string::npos);
    CHECK(error_in("kind = \"measured\"\nfile = \"none.csv\"\n").find("there is no file") !=
          std::string::npos);
    CHECK(error_in("kind = \"zipf\"\nexponent = 1\ngini = 0.2\n").find("is not a known key") !=
          std::string::npos);
    CHECK(error_in("kind = \"balanced\"\ncapacity_factor = 0.5\n").find("1 or more") != std::string::npos);
}

TEST_CASE("a preset has a coefficient in range and a source", "[model]") {
    auto const presets_of = [](std::string const& text) {
        return read_routing_presets(io::parse_toml(text, "presets.toml"));
    };
    auto const own = presets_of("[preset.mine]\ngini = 0.3\nsource = \"our logs, May\"\n");
    REQUIRE(own.size() == 1);
    CHECK(own[0].name == "mine");
    CHECK(own[0].gini == 0.3);
    auto const error_in = [&](std::string const& text) { return error_of([&] { return presets_of(text); }); };
    CHECK(error_in("[preset.mine]\ngini = 0.3\n").find("preset.mine.source: is missing") !=
          std::string::npos);
    CHECK(error_in("[preset.mine]\ngini = 1.5\nsource = \"x\"\n").find("0 to 0.9") != std::string::npos);
    CHECK(error_in("[preset.mine]\ngini = 0.3\nsource = \"x\"\ngiini = 1\n").find("is not a known key") !=
          std::string::npos);
}

TEST_CASE("copies of busy experts even out the ranks, the more the better", "[model]") {
    auto const& model = shipped_model("deepseek_v3");
    Routing const routing{.load = ZipfLoad{0.8}, .capacity_factor = {}};
    double before = rank_imbalance(routing, model, 32, 1);
    for (int const copies : {0, 32, 64, 128}) {
        auto const made = copy_busy_experts(routing, model, 32, copies, 1);
        CHECK(made.imbalance < std::max(before, 1.005)); // where all are even, one more or less
        CHECK(made.imbalance >= 1.0);
        before = made.imbalance;
        CHECK((made.copied_per_rank > 0) == (copies > 0));
    }
}

TEST_CASE("an expert with half of all tokens gets the copies, and its copies lie on ranks of their own",
          "[model]") {
    auto const folder = std::filesystem::temp_directory_path() / "moesaic_routing_copies";
    std::filesystem::create_directories(folder);
    std::ofstream file{folder / "loads.csv"};
    file << "layer,expert,tokens\n";
    for (int expert = 0; expert < 256; ++expert) {
        file << "0," << expert << "," << (expert == 7 ? 255 : 1) << "\n";
    }
    file.close();
    auto const routing = routing_of("kind = \"measured\"\nfile = \"loads.csv\"\n", folder.string());
    auto const& model = shipped_model("deepseek_v3");
    // 64 copies more for 320 places on 64 ranks: all go to expert 7, whose 65 copies hold 255/65 each
    auto const made = copy_busy_experts(routing, model, 64, 64, 1);
    CHECK(made.copies == Approx(65.0));
    CHECK(made.copied_per_rank == Approx(65.0 / 64));
    // a rank has 510/64 on average; 63 ranks hold a copy of 7 and 4 others, one holds two and 3 others
    CHECK(made.imbalance == Approx((2 * 255.0 / 65 + 3) / (510.0 / 64)));
    CHECK(rank_imbalance(routing, model, 64, 1) == Approx((255.0 + 3) / (510.0 / 64)));
    std::filesystem::remove_all(folder);
}

TEST_CASE("ranks with unlike numbers of experts wait for the one with most rows over its mean", "[model]") {
    auto const& model = shipped_model("deepseek_v3");
    Routing const routing{.load = ZipfLoad{0.8}, .capacity_factor = {}};
    std::vector<int> const even(32, 8);
    auto const on = [&](std::vector<int> const& experts) {
        return rank_imbalance(routing, model, std::vector<std::vector<int>>{experts}, 1);
    };
    CHECK(on(even) == rank_imbalance(routing, model, 32, 1));
    // all on one rank: nothing to be uneven over
    CHECK(on({0, 256}) == Approx(1.0));
    auto uneven = even;
    uneven[0] = 15;
    uneven[1] = 1; // a lone expert may be a busy one
    CHECK(on(uneven) > rank_imbalance(routing, model, 32, 1));
}
