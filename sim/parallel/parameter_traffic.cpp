#include "parallel/parameter_traffic.hpp"

namespace moesaic::parallel {

using timing::CollectiveKind;

Collective ParameterTraffic::gather_of(double parameters, RankSet const& group, std::string role) const {
    auto const format = s_.plan.parameter_gather.value_or(s_.shape.precision.activations);
    return {CollectiveKind::all_gather,
            Bytes{parameters * bytes_per_element(format)},
            shard_groups(s_.plan, group).shard,
            std::move(role),
            -1,
            s_.plan.communication_share};
}

std::vector<Collective> ParameterTraffic::sums_of(double parameters, RankSet const& group,
                                                  std::string const& role) const {
    Bytes const all{parameters * bytes_per_element(s_.plan.gradient)};
    auto const chip = s_.plan.communication_share;
    if (s_.plan.zero == 0) {
        return {{CollectiveKind::all_reduce, all, group, role, -1, chip}};
    }
    auto const [shard, copies] = shard_groups(s_.plan, group);
    auto const share = all * (1.0 / static_cast<double>(shard.count));
    return {{CollectiveKind::reduce_scatter, all, shard, role, -1, chip},
            {CollectiveKind::all_reduce, share, copies, role + " of shares", -1, chip}};
}

template <class Start>
ParameterTraffic::Arrival ParameterTraffic::start_gathers(LayerWeights const& weights, Start start) const {
    Arrival out;
    out.dense = start(gather_of(weights.dense, s_.groups.data, "parameters"));
    if (weights.expert > 0) {
        out.expert = start(gather_of(weights.expert, s_.groups.expert_data, "expert parameters"));
    }
    return out;
}

ParameterTraffic::Arrival ParameterTraffic::gather_from_start(LayerWeights const& weights) const {
    return start_gathers(weights, [&](Collective const& c) { return to_.from_start(Stream::data, c); });
}

ParameterTraffic::Arrival ParameterTraffic::gather_beside(LayerWeights const& weights) const {
    return start_gathers(weights, [&](Collective const& c) { return to_.beside(Stream::data, c); });
}

void ParameterTraffic::wait_for(Arrival const& arrival) const {
    to_.wait_for(arrival.dense);
    to_.wait_for(arrival.expert);
}

void ParameterTraffic::gather(LayerWeights const& weights) const {
    if (s_.plan.parameter_broadcasts) {
        broadcast(weights.dense, s_.groups.data);
        broadcast(weights.expert, s_.groups.expert_data);
        return;
    }
    (void)start_gathers(weights, [&](Collective const& c) -> std::optional<int> {
        to_.collective(Stream::data, c);
        return std::nullopt;
    });
}

void ParameterTraffic::broadcast(double parameters, RankSet const& group) const {
    auto whole = gather_of(parameters, group, "parameters of one owner");
    whole.kind = CollectiveKind::broadcast;
    whole.bytes = whole.bytes * (1.0 / static_cast<double>(whole.group.count));
    for (std::int64_t owner = 0; owner < whole.group.count && parameters > 0; ++owner) {
        to_.collective(Stream::data, whole);
    }
}

void ParameterTraffic::sum_behind(LayerWeights const& weights) const {
    for (auto const& c : sums_of(weights.dense, s_.groups.data, "gradients")) {
        to_.detached(Stream::data, c);
    }
    if (weights.expert > 0) {
        for (auto const& c : sums_of(weights.expert, s_.groups.expert_data, "expert gradients")) {
            to_.detached(Stream::data, c);
        }
    }
}

void ParameterTraffic::sum(LayerWeights const& weights) const {
    for (auto const& c : sums_of(weights.dense, s_.groups.data, "gradients")) {
        to_.collective(Stream::data, c);
    }
    if (weights.expert > 0) {
        for (auto const& c : sums_of(weights.expert, s_.groups.expert_data, "expert gradients")) {
            to_.collective(Stream::data, c);
        }
    }
}

double ParameterTraffic::owned(LayerWeights const& weights) const {
    if (s_.plan.zero == 0) {
        return weights.dense + weights.expert;
    }
    auto const sharers = [&](RankSet const& group) {
        return static_cast<double>(shard_groups(s_.plan, group).shard.count * s_.copies);
    };
    return weights.dense / sharers(s_.groups.data) + weights.expert / sharers(s_.groups.expert_data);
}

} // namespace moesaic::parallel
