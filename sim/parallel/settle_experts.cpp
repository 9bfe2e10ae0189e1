#include "base/errors.hpp"
#include "parallel/expert_split.hpp"
#include "parallel/share_experts.hpp"
#include "parallel/stage_messages.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace moesaic::parallel {

namespace {

/// Experts of each rank in one layer: of attention ranks first, then by place.
using Numbers = std::vector<int>;
/// Experts that each rank of a stage has room for, summed over its layers, in the same order.
using Room = std::vector<int>;
constexpr int unlimited = std::numeric_limits<int>::max();

/// Seconds of the kernels of one layer and micro-batch, forward and backward.
class LayerSeconds {
  public:
    /// @param rank with attention, or of a place; its number of experts is set before each question
    LayerSeconds(StageSetting rank, Pricer& pricer) : rank_{std::move(rank)}, pricer_{pricer} {}

    [[nodiscard]] double outside_experts(int layer) {
        auto const ops = operations(layer, 1);
        double sum = 0;
        for (auto const* part : {&ops.attention_norm, &ops.attention, &ops.attention_residual,
                                 &ops.pre_dispatch, &ops.shared, &ops.post_combine}) {
            sum += seconds(*part);
        }
        return sum;
    }
    [[nodiscard]] double of_experts(int layer, int experts) {
        if (experts == 0) {
            return 0.0;
        }
        int const formats = model::formats_of_layer(rank_.shape.precision, rank_.model, layer);
        // but for these, layers with experts are alike
        auto const [at, is_new] = known_.try_emplace({formats, experts}, 0.0);
        if (is_new) {
            at->second = seconds(operations(layer, experts).experts);
        }
        return at->second;
    }

  private:
    [[nodiscard]] model::LayerOperations operations(int layer, int experts) {
        rank_.experts[static_cast<std::size_t>(moe_index(rank_.model, layer))] = experts;
        return model::layer_operations(rank_.model, layer, shape_of(rank_, layer));
    }
    [[nodiscard]] double seconds(model::Operations const& forward) {
        auto const back = model::backward_of(forward);
        double sum = 0;
        for (auto const* list : {&forward, &back.input_gradient, &back.weight_gradient}) {
            for (auto const& op : *list) {
                sum += pricer_.price(op).duration.time.value();
            }
        }
        return sum;
    }

    StageSetting rank_;
    Pricer& pricer_;
    std::map<std::pair<int, int>, double> known_;
};

/// The ranks of one stage, how busy they are and how much they hold so far.
class StageRanks {
  public:
    /// @param layers with experts, of the stage
    /// @throws InputError where no numbers give every expert a rank
    StageRanks(Job const& job, std::vector<StagePlace> const& places, int layers, Room room, Pricers& pricers,
               Origin const& origin)
        : room_{std::move(room)}, experts_{job.model.moe->experts}, layers_{layers} {
        for (auto const& place : places) {
            auto rank = stage_setting(job.model, job.plan, place, job.shape.sequence_length);
            auto const& chip = job.topology.pool(place.pool).cluster.node.chip;
            ranks_.push_back(static_cast<int>(place.ranks.count) / rank.kind.apart->groups);
            auto& pricer = pricers.of(chip);
            seconds_.emplace_back(std::move(rank), pricer);
        }
        busy_.resize(seconds_.size(), 0.0);
        held_.resize(seconds_.size(), 0);
        auto const idle = [](std::size_t, int) { return std::optional{Seconds{}}; };
        if (!share_experts(ranks_, experts_, idle)) {
            throw InputError{origin, fmt::format("{} experts do not come out over the ranks of a group, "
                                                 "whatever each holds",
                                                 experts_)};
        }
    }

    /// Of a layer, after those that have been settled before; none where the ranks have no room for them.
    [[nodiscard]] std::optional<Numbers> settle(int layer) {
        ++done_;
        busy_.front() += seconds_.front().outside_experts(layer);
        auto numbers = share_experts(ranks_, experts_, [&](std::size_t i, int experts) {
            return has_room(i, experts)
                       ? std::optional{Seconds{busy_[i] + seconds_[i].of_experts(layer, experts)}}
                       : std::nullopt;
        });
        for (std::size_t i = 0; numbers && i < numbers->size(); ++i) {
            busy_[i] += seconds_[i].of_experts(layer, (*numbers)[i]);
            held_[i] += (*numbers)[i];
        }
        return numbers;
    }

  private:
    /// No layer takes room from those behind it.
    [[nodiscard]] bool has_room(std::size_t i, int experts) const {
        auto const so_far = std::int64_t{room_[i]} * done_ / layers_ + 1;
        return held_[i] + experts <= std::min(so_far, std::int64_t{room_[i]});
    }

    Room room_;
    int experts_; ///< of a layer
    int layers_;
    int done_ = 0; ///< of them
    std::vector<int> ranks_;
    std::vector<LayerSeconds> seconds_;
    std::vector<double> busy_;
    std::vector<int> held_;
};

/// Places of one stage: the attention ranks first, then those with experts.
std::vector<StagePlace> places_of(std::vector<Stage> const& stages, Stage const& attention) {
    std::vector<StagePlace> out;
    for (auto const& other : stages) {
        if (other.place.stage == attention.place.stage) {
            out.push_back(other.place);
        }
    }
    return out;
}

std::vector<int> layers_with_experts(model::Model const& model, Stage const& stage) {
    std::vector<int> out;
    for (auto const& chunk : stage.chunks) {
        for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
            if (model::is_moe_layer(model, layer)) {
                out.push_back(layer);
            }
        }
    }
    return out;
}

/// The plan with all numbers of experts open.
Plan opened(Job const& job) {
    auto plan = job.plan;
    auto& apart = *plan.kinds.front().apart;
    apart.by_speed = false;
    auto const layers = static_cast<std::size_t>(model::moe_layers(job.model));
    apart.on_attention.assign(layers, 0);
    for (auto& place : apart.places) {
        place.experts.assign(layers, 0);
    }
    return plan;
}

/// @param rooms by stage
/// @return none where the rooms are too small
std::optional<Plan> settle_within(std::vector<Room> const& rooms, Job const& job, Pricers& pricers) {
    auto plan = opened(job);
    auto& kind = plan.kinds.front();
    auto const stages = stages_of_job(job);
    for (auto const& stage : stages) {
        if (stage.place.experts_at) {
            continue;
        }
        auto const layers = layers_with_experts(job.model, stage);
        StageRanks ranks{job,
                         places_of(stages, stage),
                         static_cast<int>(layers.size()),
                         rooms[static_cast<std::size_t>(stage.place.stage)],
                         pricers,
                         kind.apart->origin};
        for (int const layer : layers) {
            auto const numbers = ranks.settle(layer);
            if (!numbers) {
                return std::nullopt;
            }
            auto const at = static_cast<std::size_t>(moe_index(job.model, layer));
            kind.apart->on_attention[at] = numbers->front();
            for (std::size_t p = 0; p < kind.apart->places.size(); ++p) {
                kind.apart->places[p].experts[at] = (*numbers)[p + 1];
            }
        }
    }
    kind.expert = expert_spread(kind);
    return plan;
}

/// Takes room from the ranks that hold more than their memory does, as if all of it were experts: too little at once rather
/// than too much.
/// @param job settled
/// @return whether any rank can hold less
bool take_room(std::vector<Room>& rooms, Job const& job) {
    auto const settled = settle_recompute(job);
    auto const memory =
        memory_of_classes({job.model, settled, job.shape, job.topology, job.timings, job.calibration});
    auto const stages = stages_of_job(job);
    auto const& apart = *job.plan.kinds.front().apart;
    bool taken = false;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        auto const place = stages[i].place.experts_at;
        auto const& numbers =
            place ? apart.places[static_cast<std::size_t>(*place)].experts : apart.on_attention;
        int held = 0;
        for (int const layer : layers_with_experts(job.model, stages[i])) {
            held += numbers[static_cast<std::size_t>(moe_index(job.model, layer))];
        }
        if (memory[i].fits() || held == 0) {
            continue;
        }
        double const too_much = 1.0 - memory[i].capacity / memory[i].parts.total();
        rooms[static_cast<std::size_t>(stages[i].place.stage)]
             [place ? static_cast<std::size_t>(*place) + 1 : 0] =
                 held - std::max(1, static_cast<int>(held * too_much));
        taken = true;
    }
    return taken;
}

} // namespace

Plan settle_experts(Job const& job) {
    auto const& kind = job.plan.kinds.front(); // there is no other beside experts apart
    if (!kind.apart || !kind.apart->by_speed) {
        return job.plan;
    }
    if (!job.model.moe) {
        throw InputError{kind.apart->origin, "the model has no experts to put on ranks of their own"};
    }
    Pricers pricers{job.timings, job.plan.practice, job.calibration};
    std::vector<Room> rooms(static_cast<std::size_t>(stages_of(kind)),
                            Room(kind.apart->places.size() + 1, unlimited));
    auto plan = settle_within(rooms, job, pricers);
    expects(plan.has_value(), "there is room enough for all");
    while (take_room(rooms, {job.model, *plan, job.shape, job.topology, job.timings, job.calibration})) {
        auto less = settle_within(rooms, job, pricers);
        if (!less) { // whoever runs it says who lacks memory
            break;
        }
        plan = std::move(less);
    }
    return *plan;
}

} // namespace moesaic::parallel
