#include "apart.hpp"
#include "engine/simulate.hpp"
#include "engine/step_bound.hpp"
#include "no_tables.hpp"
#include "scenario/run_scenario.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using Catch::Matchers::WithinRel;
using engine::Fold;

namespace {

/// Of one step of tutorial 11 with other settings.
struct Step {
    double bound = 0.0;
    double alone = 0.0; ///< every transfer as if there were no other
    double simulated = 0.0;
    double attention = 0.0, experts = 0.0; ///< kernels of one rank
    std::int64_t cells = 0;
};

struct Simulated {
    double step = 0.0;
    std::int64_t cells = 0;
};

double kernels_of(parallel::RankClass const& rank_class) {
    double sum = 0;
    for (auto const& item : rank_class.schedule) {
        for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
            auto const* c = std::get_if<parallel::Compute>(&op.work);
            sum += c && op.stream == parallel::Stream::compute ? c->duration.time.value() : 0.0;
        }
    }
    return sum;
}

Step step_of(std::vector<io::TomlOverride> const& settings, Fold fold = Fold::automatic) {
    auto const s =
        scenario::read_scenario(MOESAIC_SOURCE_DIR "/scenarios/tutorial/11-attention-and-experts-apart.toml",
                                settings, MOESAIC_SOURCE_DIR);
    auto const topology = scenario::topology_of(s);
    auto const timings = test::no_tables();
    auto const program = parallel::build_program({s.model, s.plan, s.shape, topology, timings});
    auto const simulate = [&](engine::Sharing sharing) {
        return test::apart([&] {
                   auto const line =
                       engine::simulate(program, topology, timings, {.fold = fold, .sharing = sharing});
                   return Simulated{line.step.value(), line.cells};
               })
            .result;
    };
    auto const [simulated, cells] = simulate(engine::Sharing::simulated);
    return {engine::step_bound(program, topology, timings).value(),
            simulate(engine::Sharing::none).step,
            simulated,
            kernels_of(program.classes[0]),
            kernels_of(program.classes[1]),
            cells};
}

std::vector<io::TomlOverride> small(std::vector<io::TomlOverride> more) {
    more.push_back({"training.global_batch", "32"});
    more.push_back({"model", "\"deepseek_v2_lite\""});
    return more;
}

} // namespace

TEST_CASE("experts apart: bound, step without contention and simulated step stand in this order",
          "[property][apart]") {
    for (auto const& settings :
         std::vector<std::vector<io::TomlOverride>>{{},
                                                    {{"parallel.experts.batches_in_turn", "1"}},
                                                    {{"parallel.experts.batches_in_turn", "4"}},
                                                    {{"parallel.experts.exchange_groups", "2"}},
                                                    {{"parallel.experts.on_attention_ranks", "2"}},
                                                    {{"parallel.pipeline", "2"},
                                                     {"parallel.experts.ranks", "8"},
                                                     {"parallel.stages", "[]"},
                                                     {"parallel.pool", "new"},
                                                     {"parallel.layer_split", "balanced"}},
                                                    {{"site_links[0].bandwidth", "20 GB/s"}}}) {
        auto const step = step_of(small(settings));
        INFO((settings.empty() ? "as it is" : settings[0].path + " " + settings[0].value));
        CHECK(step.bound <= step.alone * (1 + 1e-9));
        CHECK(step.alone <= step.simulated * (1 + 1e-9));
        CHECK(step.bound >= std::max(step.attention, step.experts) * (1 - 1e-9));
    }
}

TEST_CASE("experts apart: every rank on its own gives the folded step", "[property][apart]") {
    for (auto const& settings :
         std::vector<std::vector<io::TomlOverride>>{{},
                                                    {{"parallel.experts.exchange_groups", "4"}},
                                                    {{"parallel.experts.on_attention_ranks", "2"}}}) {
        INFO((settings.empty() ? "as it is" : settings[0].path));
        auto few = small(settings);
        few.push_back({"training.global_batch", "16"});
        auto const folded = step_of(few), unfolded = step_of(few, Fold::none);
        CHECK(folded.cells < unfolded.cells);
        CHECK(unfolded.cells == 24);
        CHECK_THAT(folded.simulated, WithinRel(unfolded.simulated, 1e-3));
    }
}

TEST_CASE("experts apart: one micro-batch in turn works on one side at a time, two on both",
          "[property][apart]") {
    std::vector<io::TomlOverride> base{{"model", "\"mixtral_8x7b\""},
                                       {"training.global_batch", "32"},
                                       {"parallel.experts.ranks", "8"},
                                       {"parallel.recompute", "none"},
                                       {"parallel.zero", "none"}};
    auto const turns = [&](std::string const& number) {
        auto settings = base;
        settings.push_back({"parallel.experts.batches_in_turn", number});
        return step_of(settings);
    };
    auto const one = turns("1"), two = turns("2"), four = turns("4");
    // no shared experts, nothing computed again: while one side works the other waits, but for the step's end
    CHECK(one.simulated > 0.98 * (one.attention + one.experts));
    CHECK(two.simulated < one.simulated);
    CHECK(four.simulated < two.simulated);
    CHECK(four.simulated >= std::max(four.attention, four.experts));
}
