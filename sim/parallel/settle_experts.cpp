#include "base/errors.hpp"
#include "parallel/expert_split.hpp"
#include "parallel/stage_messages.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace moesaic::parallel {

namespace {

/// Experts of each rank in one layer: of attention ranks first, then by place.
using Numbers = std::vector<int>;

/// All numbers that give every expert of a layer a rank. @param ranks of a group: with attention, then by place
void add_numbers(std::vector<int> const& ranks, int left, Numbers& chosen, std::vector<Numbers>& out) {
    auto const at = chosen.size();
    if (at + 1 == ranks.size()) {
        if (left > 0 && left % ranks[at] == 0) {
            out.push_back(chosen);
            out.back().push_back(left / ranks[at]);
        }
        return;
    }
    for (int here = at == 0 ? 0 : 1; here * ranks[at] < left; ++here) {
        chosen.push_back(here);
        add_numbers(ranks, left - here * ranks[at], chosen, out);
        chosen.pop_back();
    }
}

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
        auto const [at, is_new] = known_.try_emplace(experts, 0.0); // layers with experts are alike
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
    std::map<int, double> known_;
};

/// The ranks of one stage and how busy they are so far.
class StageRanks {
  public:
    /// @throws InputError where no numbers give every expert a rank
    StageRanks(Job const& job, std::vector<StagePlace> const& places, Pricers& pricers,
               Origin const& origin) {
        for (auto const& place : places) {
            auto rank = stage_setting(job.model, job.plan, place, job.shape.sequence_length);
            auto const& chip = job.topology.pool(place.pool).cluster.node.chip;
            ranks_.push_back(static_cast<int>(place.ranks.count) / rank.kind.apart->groups);
            auto& pricer = pricers.of(chip, rank.shape.precision.gemm);
            seconds_.emplace_back(std::move(rank), pricer);
        }
        busy_.resize(seconds_.size(), 0.0);
        Numbers chosen;
        add_numbers(ranks_, job.model.moe->experts, chosen, all_);
        if (all_.empty()) {
            throw InputError{origin, fmt::format("{} experts do not come out over the ranks of a group, "
                                                 "whatever each holds",
                                                 job.model.moe->experts)};
        }
    }

    /// Of a layer, after those that have been settled before.
    [[nodiscard]] Numbers settle(int layer) {
        busy_.front() += seconds_.front().outside_experts(layer);
        auto const busiest = [&](Numbers const& numbers) {
            double most = 0;
            for (std::size_t i = 0; i < numbers.size(); ++i) {
                most = std::max(most, busy_[i] + seconds_[i].of_experts(layer, numbers[i]));
            }
            return most;
        };
        auto const best =
            *std::ranges::min_element(all_, {}, busiest); // the first of equals: fewest on attention ranks
        for (std::size_t i = 0; i < best.size(); ++i) {
            busy_[i] += seconds_[i].of_experts(layer, best[i]);
        }
        return best;
    }

  private:
    std::vector<int> ranks_;
    std::vector<Numbers> all_; ///< that could be
    std::vector<LayerSeconds> seconds_;
    std::vector<double> busy_;
};

} // namespace

Plan settle_experts(Job const& job) {
    auto plan = job.plan;
    auto& kind = plan.kinds.front(); // there is no other beside experts apart
    if (!kind.apart || !kind.apart->by_speed) {
        return plan;
    }
    if (!job.model.moe) {
        throw InputError{kind.apart->origin, "the model has no experts to put on ranks of their own"};
    }
    kind.apart->by_speed = false;
    auto const layers = static_cast<std::size_t>(model::moe_layers(job.model));
    kind.apart->on_attention.assign(layers, 0);
    for (auto& place : kind.apart->places) {
        place.experts.assign(layers, 0);
    }
    Pricers pricers{job.timings, plan.practice, job.calibration};
    auto const stages = stages_of_job(job);
    for (auto const& stage : stages) {
        if (stage.place.experts_at) {
            continue;
        }
        std::vector<StagePlace> places;
        for (auto const& other : stages) {
            if (other.place.stage == stage.place.stage) {
                places.push_back(other.place);
            }
        }
        StageRanks ranks{job, places, pricers, kind.apart->origin};
        for (auto const& chunk : stage.chunks) {
            for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
                if (!model::is_moe_layer(job.model, layer)) {
                    continue;
                }
                auto const numbers = ranks.settle(layer);
                auto const at = static_cast<std::size_t>(moe_index(job.model, layer));
                kind.apart->on_attention[at] = numbers.front();
                for (std::size_t p = 0; p < kind.apart->places.size(); ++p) {
                    kind.apart->places[p].experts[at] = numbers[p + 1];
                }
            }
        }
    }
    kind.expert = expert_spread(kind);
    return plan;
}

} // namespace moesaic::parallel
