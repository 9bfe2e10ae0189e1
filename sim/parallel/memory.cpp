#include "parallel/memory.hpp"

#include "io/unit_text.hpp"
#include "model/layer_operations.hpp"
#include "parallel/context_attention.hpp"
#include "parallel/layer_activations.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <tuple>
#include <utility>

namespace moesaic::parallel {

namespace {

/// What the layer at work holds beyond what it has kept: all that it computes again, of the layer with most of it.
Bytes computed_again(StageSetting const& s, StageLoad const& load) {
    Bytes most;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
            auto const again = recompute_of(s.group, s.model, layer);
            if (again != Recompute::none) {
                most = std::max(most, activation_bytes(s, layer, Recompute::none) -
                                          activation_bytes(s, layer, again));
            }
        }
    }
    return most;
}

/// Layers of a chunk, the further ones of its MTP modules included.
int layers_end(StageSetting const& s, ChunkContent const& chunk) {
    return chunk.layers.end + (chunk.head ? s.model.mtp_depth : 0);
}

Bytes kept_activations(StageSetting const& s, StageLoad const& load) {
    bool const parted = std::ranges::any_of(
        load.slots, [](Slot const& slot) { return slot.phase == Phase::weight_gradient; });
    // by kind, formats, and how many experts of a layer are here: others are alike
    using Alike = std::tuple<int, int, int>;
    std::map<Alike, double> waiting;
    std::map<std::pair<Alike, Recompute>, double> whole;
    auto const known = [](auto& values, auto const& key, auto const& find) {
        auto const [at, is_new] = values.try_emplace(key, 0.0);
        return is_new ? at->second = find().value() : at->second;
    };
    std::vector<Kept> chunks;
    double moving = 0; // to the host's memory: one layer, and the next at work
    for (auto const& chunk : load.chunks) {
        Kept kept;
        for (int layer = chunk.layers.begin; layer < layers_end(s, chunk); ++layer) {
            Alike const alike{model::kind_of_layer(s.model, layer),
                              model::formats_of_layer(s.shape.precision, s.model, layer),
                              experts_of(s, layer)};
            auto const again = recompute_of(s.group, s.model, layer);
            double const one =
                known(whole, std::pair{alike, again}, [&] { return activation_bytes(s, layer, again); });
            if (layer < s.plan.offloaded_layers) {
                moving = std::max(moving, 2.0 * one * load.batches_in_turn);
                continue;
            }
            kept.whole += one;
            kept.layer = std::max(kept.layer, one);
            kept.waiting += parted ? known(waiting, alike, [&] { return waiting_bytes(s, layer); }) : 0.0;
        }
        if (chunk.head) {
            auto const head = head_bytes(s);
            kept.whole += head.kept.value();
            kept.waiting += parted ? head.waiting.value() : 0.0;
        }
        kept.whole *= load.batches_in_turn;
        kept.waiting *= load.batches_in_turn;
        kept.layer *= load.batches_in_turn;
        chunks.push_back(kept);
    }
    // when the last layers are kept the first have gone, and these come back when the last are done
    return Bytes{std::max(peak_kept(load.slots, chunks), moving)};
}

bool any_embedding(StageLoad const& load) {
    return std::ranges::any_of(load.chunks, &ChunkContent::embedding);
}
bool any_head(StageLoad const& load) { return std::ranges::any_of(load.chunks, &ChunkContent::head); }

/// Rows of a micro-batch as they come and as they go, of the stage's layer with most of them.
Bytes expert_buffers(StageSetting const& s, StageLoad const& load) {
    double most = 0;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
            if (experts_of(s, layer) > 0) {
                most = std::max(most, model::expert_rows(*s.model.moe, shape_of(s, layer)));
            }
        }
    }
    return Bytes{2.0 * most * (s.model.moe ? model::expert_columns(s.model) : 0) *
                 bytes_per_element(s.group.precision.activations)};
}

/// Send and receive buffers of the largest exchange: gathered rows, token copies there and back, or what context ranks send.
Bytes exchange_buffers(StageSetting const& s, StageLoad const& load) {
    double const rows = static_cast<double>(model::group_rows(s.shape));
    double const element = bytes_per_element(s.group.precision.activations);
    if (s.part == Part::experts) {
        return expert_buffers(s, load);
    }
    double const gathered = s.group.tensor > 1 ? rows * s.model.hidden * element : 0.0;
    double const copies = s.model.moe && s.kind.expert > 1
                              ? 2.0 * rows / s.group.tensor * s.model.moe->topk * s.kind.expert_imbalance *
                                    model::expert_columns(s.model) * element
                              : 0.0;
    return Bytes{std::max({gathered, copies, context_buffers(s).value()})};
}

/// Where parameters are shared out: the layer at work and the next one, gathered; and the ends, which stay.
double gathered_parameters(StageSetting const& s, StageLoad const& load) {
    double most = 0;
    for (auto const& chunk : load.chunks) {
        for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
            most = std::max(most, weights_of_layer(s, layer).total());
        }
    }
    ChunkContent const ends{{0, 0}, any_embedding(load), any_head(load)};
    return 2.0 * most + weights_of_ends(s, ends).total();
}

/// Bytes of a layer's weight as it is held; the ends stay in the activations' format.
double bytes_of_layer_weight(StageSetting const& s, StateBytes const& state) {
    bool const narrow = s.plan.adapters && s.plan.frozen_weights_quantised;
    return narrow ? bytes_with_scales(s.group.precision.gemm) : state.weight;
}

/// Weights, gradients and optimizer state.
void add_states(StageSetting const& s, StageLoad const& load, MemoryParts& out) {
    LayerWeights held, ends, trained;
    for (auto const& content : load.chunks) {
        held += weights_of_chunk(s, content);
        ends += weights_of_ends(s, content);
        trained += trained_weights_of_chunk(s, content);
    }
    auto const shared_from = [&](int stage, LayerWeights const& weights) {
        return s.plan.zero >= stage ? owned_of(s, weights) : weights.total();
    };
    auto const state = state_bytes(s.plan, s.plan.zero, s.group.precision);
    double const in_layers = shared_from(3, held) - shared_from(3, ends);
    out.weights = Bytes{shared_from(3, ends) * state.weight + in_layers * bytes_of_layer_weight(s, state)};
    out.gradients = Bytes{shared_from(2, trained) * state.gradient};
    bool const outer = s.plan.local_sgd && !s.plan.local_sgd->offload;
    out.optimizer = Bytes{shared_from(1, trained) * (state.optimizer + (outer ? outer_state_bytes : 0.0))};
    if (s.plan.zero == 3) {
        double const whole =
            bytes_per_element(s.group.precision.activations) + bytes_per_element(s.plan.gradient);
        out.buffers += Bytes{gathered_parameters(s, load) * whole};
    }
}

} // namespace

StateBytes state_bytes(Plan const& plan, int zero, model::Precision const& precision) {
    constexpr double master = 4.0;
    double const gradient = bytes_per_element(plan.gradient);
    double const moments = 2.0 * bytes_per_element(plan.optimizer_moments);
    if (zero == 3 && plan.fp32_shares && !plan.adapters) { // frozen weights need no master
        return {.weight = master, .gradient = std::max(master, gradient), .optimizer = moments};
    }
    return {.weight = bytes_per_element(precision.activations),
            .gradient = gradient,
            .optimizer = master + moments};
}

MemoryParts memory_of(StageSetting const& s, StageLoad const& load) {
    MemoryParts out;
    add_states(s, load, out);
    out.activations = kept_activations(s, load);
    out.buffers += computed_again(s, load) + exchange_buffers(s, load);
    if (any_head(load)) {
        out.buffers += head_bytes(s).at_work;
    }
    out.reserve = s.plan.memory_reserve;
    return out;
}

namespace {

std::string largest_parts(MemoryParts const& parts) {
    std::array<std::pair<Bytes, std::string_view>, 6> named{{{parts.weights, "weights"},
                                                             {parts.gradients, "gradients"},
                                                             {parts.optimizer, "optimizer"},
                                                             {parts.activations, "activations"},
                                                             {parts.buffers, "buffers"},
                                                             {parts.reserve, "reserve"}}};
    std::ranges::sort(named, std::greater{}, [](auto const& part) { return part.first; });
    return fmt::format("{} {}, {} {}, {} {}", named[0].second, io::text_of(named[0].first), named[1].second,
                       io::text_of(named[1].first), named[2].second, io::text_of(named[2].first));
}

} // namespace

std::optional<std::string> misfit(std::vector<ClassMemory> const& classes) {
    auto const lack = [](ClassMemory const& c) { return c.parts.total() - c.capacity; };
    auto const worst = std::ranges::max_element(classes, {}, lack);
    if (worst == classes.end() || worst->fits()) {
        return std::nullopt;
    }
    return fmt::format("does not fit: {} on {} needs {} of {} (largest: {})", worst->name, worst->chip,
                       io::text_of(worst->parts.total()), io::text_of(worst->capacity),
                       largest_parts(worst->parts));
}

} // namespace moesaic::parallel
