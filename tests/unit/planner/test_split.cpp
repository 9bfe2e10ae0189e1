#include "base/random.hpp"
#include "planner/closed_form.hpp"
#include "planner/split.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

using namespace moesaic;
using namespace moesaic::planner;

namespace {

/// Layers of which the first are dense, and one of every so many behind them has experts.
model::Model model_of(int layers, int dense, int every) {
    model::Model out;
    out.layers = layers;
    out.moe = model::Moe{.experts = 4, .topk = 1, .leading_dense_layers = dense, .every = every};
    return out;
}

/// Of one to four kinds of layers. @param layers 4 or more
model::Model random_model(Rng& rng, int layers) {
    auto const dense = static_cast<int>(rng.below(3));
    auto out = model_of(layers, dense, 1 + static_cast<int>(rng.below(2)));
    if (rng.below(2) == 0) { // then some have a window
        out.window = 8;
        out.full_attention_every = 2 + static_cast<int>(rng.below(2));
    }
    return out;
}

/// Two ways of recomputation, the second one slower and smaller.
LocalTimes random_times(Rng& rng) {
    LocalTimes out;
    for (auto& part : out.part) {
        double const forward = 0.5 + rng.uniform();
        part.forward.length = forward;
        for (double const more : {1.0, 1.3}) {
            PassTime back;
            back.length = 2.0 * forward * more;
            part.backward.push_back(back);
            part.parted.push_back(back.length);
        }
    }
    return out;
}

/// By part: the ends, then layers, those with experts with three times the states and more buffers.
PartBytes bytes_of(model::Model const& model, int in_flight, double capacity) {
    PartBytes out;
    out.kept.resize(2);
    out.buffers.resize(2);
    out.states[embedding_part] = out.states[head_part] = 2.0;
    out.buffers[0][head_part] = out.buffers[1][head_part] = 0.5;
    auto const examples = Contents{model, {}}.examples();
    for (std::size_t kind = 0; kind < examples.size(); ++kind) {
        bool const experts = is_moe_layer(model, examples[kind]);
        auto const at = first_kind + kind;
        out.states[at] = experts ? 3.0 : 1.0;
        out.kept[0][at] = in_flight;
        out.kept[1][at] = 0.25 * in_flight;
        out.buffers[1][at] = experts ? 1.0 : 0.5;
    }
    out.fixed = 1.0;
    out.capacity = capacity;
    return out;
}

struct Case {
    std::vector<LocalTimes> times;
    Chain chain;
    model::Model model;
};

/// A chain of stages on two kinds of chips.
std::unique_ptr<Case> random_case(Rng& rng) {
    auto out = std::make_unique<Case>();
    out->model = random_model(rng, 4 + static_cast<int>(rng.below(4)));
    out->times = {random_times(rng), random_times(rng)};
    auto const stages = 2 + static_cast<int>(rng.below(2));
    out->chain.micro_batches = 1 + static_cast<int>(rng.below(6));
    out->chain.drains = rng.below(2) == 0;
    auto const capacity = 10.0 + 20.0 * rng.uniform();
    for (int s = 0; s < stages; ++s) {
        auto const in_flight = std::min(stages - s, out->chain.micro_batches);
        out->chain.stages.push_back(
            {&out->times[s == 0 ? 0 : rng.below(2)], bytes_of(out->model, in_flight, capacity), {0, 1}});
    }
    return out;
}

/// Every split and every choice of recomputation that fits.
double brute_force(Case const& c) {
    double best = INFINITY;
    Contents const contents{c.model, {}};
    auto const stages = c.chain.stages.size();
    Split split{std::vector<int>(stages), std::vector<std::size_t>(stages), 0.0};
    std::function<void(std::size_t, int)> const place = [&](std::size_t s, int placed) {
        if (s == stages) {
            best = placed == c.model.layers ? std::min(best, bound_of(c.chain, contents, split)) : best;
            return;
        }
        int const least = s == 0 || s + 1 == stages ? 0 : 1;
        for (int n = least; placed + n <= c.model.layers; ++n) {
            auto const content = with_ends(contents.of(placed, placed + n), s == 0, s + 1 == stages);
            for (std::size_t const r : {0, 1}) {
                if (c.chain.stages[s].bytes.needed(content, r) <= c.chain.stages[s].bytes.capacity) {
                    split.layers[s] = n;
                    split.recompute[s] = r;
                    place(s + 1, placed + n);
                }
            }
        }
    };
    place(0, 0);
    return best;
}

} // namespace

TEST_CASE("the split of layers and recomputation is the best of all that fit", "[planner]") {
    Rng rng{1, "split"};
    int found = 0, none = 0;
    for (int i = 0; i < 150; ++i) {
        auto const c = random_case(rng);
        auto const best = brute_force(*c);
        Contents const contents{c->model, {}};
        auto const split = best_split(c->chain, contents);
        REQUIRE(split.has_value() == std::isfinite(best));
        if (split) {
            CHECK(split->seconds == Approx(best).epsilon(2e-6));
            CHECK(bound_of(c->chain, contents, *split) == split->seconds);
        }
        (split ? found : none) += 1;
    }
    CHECK(found > 50); // the capacities make some fit and some not
    CHECK(none > 5);
}

TEST_CASE("a split by hand: the stage behind has one layer less", "[planner]") {
    // forward 1, backward 2 per layer, no ends. 5 layers, 2 stages, 3 micro-batches: 3 + 2 layers take
    // max(3 x 9, 9 + 3 x 6) = 27, 2 + 3 layers max(18, 6 + 27) = 33
    LocalTimes times;
    times.part[first_kind] = {{1.0, {}}, {{2.0, {}}}, {2.0}};
    times.part[embedding_part] = times.part[head_part] = {{}, {{}}, {0.0}};
    PartBytes bytes;
    bytes.kept.resize(1);
    bytes.buffers.resize(1);
    Chain const chain{.stages = {{&times, bytes, {0}}, {&times, bytes, {0}}}, .micro_batches = 3};
    auto const split = best_split(chain, Contents{model_of(5, 0, 1), {}});
    REQUIRE(split);
    CHECK(split->layers == std::vector{3, 2});
    CHECK(split->seconds == Approx(27.0));
}

TEST_CASE("the closed form is never above the best split, and never refuses what fits", "[planner]") {
    Rng rng{2, "closed form"};
    int refused = 0;
    for (int i = 0; i < 300; ++i) {
        auto const model = random_model(rng, 4 + static_cast<int>(rng.below(20)));
        auto const times = random_times(rng);
        auto const stages = 1 + static_cast<int>(rng.below(4));
        auto const micro_batches = 1 + static_cast<int>(rng.below(12));
        auto const capacity = 4.0 + 60.0 * rng.uniform();
        Chain chain{.stages = {}, .micro_batches = micro_batches};
        for (int s = 0; s < stages; ++s) {
            chain.stages.push_back(
                {&times, bytes_of(model, std::min(stages - s, micro_batches), capacity), {0, 1}});
        }
        Contents const contents{model, {}};
        auto const whole = times.of(contents.whole(), 0, Turns::plain).turn;
        double layer = INFINITY;
        for (std::size_t kind = 0; kind < contents.examples().size(); ++kind) {
            layer = std::min(layer, 3.0 * times.part[first_kind + kind].forward.length);
        }
        WholeModel const of{.turn = whole,
                            .layer_turn = layer,
                            .layers = model.layers,
                            .way = 1.0,
                            .like_layers = model::moe_layers(model),
                            .held = 2.0,
                            .shared_dense = 1.0,
                            .kept = 0.25,
                            .flight = 1.0,
                            .room = capacity};
        auto const bound =
            lower_bounds(of,
                         {{static_cast<double>(stages)}, {static_cast<double>(micro_batches)}, {1.0}, {1.0}})
                .front();
        auto const split = best_split(chain, contents);
        if (split) {
            CHECK(bound <= split->seconds * (1 + 1e-9));
        }
        refused += std::isfinite(bound) ? 0 : 1;
    }
    CHECK(refused > 20);
}
