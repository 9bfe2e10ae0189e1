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

/// @param layers 4 or more
model::Model random_model(Rng& rng, int layers) {
    auto const dense = static_cast<int>(rng.below(3));
    return model_of(layers, dense, 1 + static_cast<int>(rng.below(2)));
}

/// Two ways of recomputation, the second one slower and smaller.
LocalTimes random_times(Rng& rng) {
    LocalTimes out;
    for (auto& kinds : out.kinds) {
        auto& part = kinds.emplace_back();
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

PartBytes bytes_of(int in_flight, double capacity) {
    PartBytes out;
    out.states = {2.0, 1.0, 3.0, 2.0};
    out.kept = {{0.0, 1.0, 1.0, 0.0}, {0.0, 0.25, 0.25, 0.0}};
    for (auto& kept : out.kept) {
        std::ranges::for_each(kept, [&](double& k) { k *= in_flight; });
    }
    out.buffers = {{0.0, 0.0, 0.0, 0.5}, {0.0, 0.5, 1.0, 0.5}};
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
            {&out->times[s == 0 ? 0 : rng.below(2)], bytes_of(in_flight, capacity), {0, 1}});
    }
    return out;
}

/// Every split and every choice of recomputation that fits.
double brute_force(Case const& c) {
    double best = INFINITY;
    auto const stages = c.chain.stages.size();
    Split split{std::vector<int>(stages), std::vector<std::size_t>(stages), 0.0};
    std::function<void(std::size_t, int)> const place = [&](std::size_t s, int placed) {
        if (s == stages) {
            best = placed == c.model.layers ? std::min(best, bound_of(c.chain, c.model, split)) : best;
            return;
        }
        int const least = s == 0 || s + 1 == stages ? 0 : 1;
        for (int n = least; placed + n <= c.model.layers; ++n) {
            auto content = content_of(c.model, placed, placed + n);
            content.count[0] = s == 0 ? 1 : 0;
            content.count[3] = s + 1 == stages ? 1 : 0;
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
        auto const split = best_split(c->chain, c->model);
        REQUIRE(split.has_value() == std::isfinite(best));
        if (split) {
            CHECK(split->seconds == Approx(best).epsilon(2e-6));
            CHECK(bound_of(c->chain, c->model, *split) == split->seconds);
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
    for (auto const part : {Part::dense, Part::moe}) {
        times.kinds[static_cast<std::size_t>(part)] = {{{1.0, {}}, {{2.0, {}}}, {2.0}}};
    }
    for (auto const part : {Part::embedding, Part::head}) {
        times.kinds[static_cast<std::size_t>(part)] = {{{}, {{}}, {0.0}}};
    }
    PartBytes bytes;
    bytes.kept.resize(1);
    bytes.buffers.resize(1);
    Chain const chain{.stages = {{&times, bytes, {0}}, {&times, bytes, {0}}}, .micro_batches = 3};
    auto const split = best_split(chain, model_of(5, 0, 1));
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
            chain.stages.push_back({&times, bytes_of(std::min(stages - s, micro_batches), capacity), {0, 1}});
        }
        auto const whole = times.of(content_of(model, 0, model.layers), 0, Turns::plain).turn;
        double const layer =
            std::min(3.0 * times.kinds[1][0].forward.length, 3.0 * times.kinds[2][0].forward.length);
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
        auto const split = best_split(chain, model);
        if (split) {
            CHECK(bound <= split->seconds * (1 + 1e-9));
        }
        refused += std::isfinite(bound) ? 0 : 1;
    }
    CHECK(refused > 20);
}
