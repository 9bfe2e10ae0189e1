#include "parallel/parameter_traffic.hpp"

#include "model/layer_operations.hpp"

#include <algorithm>
#include <cmath>

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
    if (s_.plan.zero == 0 || (s_.plan.zero == 1 && s_.plan.gradient_all_reduce)) {
        return {{CollectiveKind::all_reduce, all, group, role, -1, chip}};
    }
    auto const [shard, copies] = shard_groups(s_.plan, group);
    auto const share = all * (1.0 / static_cast<double>(shard.count));
    return {{CollectiveKind::reduce_scatter, all, shard, role, -1, chip},
            {CollectiveKind::all_reduce, share, copies, role + " of shares", -1, chip}};
}

template <class Start>
ParameterTraffic::Arrival ParameterTraffic::start_gathers(LayerWeights const& weights, Meets meets,
                                                          Start start) const {
    Arrival out;
    if (meets == Meets::yes) {
        auto const meetings = meetings_of(weights, -1);
        out.dense = start(meetings.front());
        out.expert = meetings.size() > 1 ? start(meetings.back()) : std::nullopt;
    }
    if (s_.plan.zero > 0) { // the stream does one after the other
        auto const latest = [&](std::optional<int>& arrival, Collective const& c) {
            auto const gathered = start(c);
            arrival = gathered ? gathered : arrival;
        };
        if (weights.dense > 0) {
            latest(out.dense, gather_of(weights.dense, s_.groups.data, "parameters"));
        }
        if (weights.expert > 0) {
            latest(out.expert, gather_of(weights.expert, s_.groups.expert_data, "expert parameters"));
        }
    }
    return out;
}

ParameterTraffic::Arrival ParameterTraffic::gather_from_start(LayerWeights const& weights,
                                                              Meets meets) const {
    return start_gathers(weights, meets,
                         [&](Collective const& c) { return to_.from_start(Stream::data, c); });
}

ParameterTraffic::Arrival ParameterTraffic::gather_beside(LayerWeights const& weights, Meets meets) const {
    return start_gathers(weights, meets, [&](Collective const& c) { return to_.beside(Stream::data, c); });
}

void ParameterTraffic::gather_ahead(LayerWeights const& weights) const {
    (void)start_gathers(weights, Meets::no, [&](Collective const& c) -> std::optional<int> {
        to_.detached(Stream::data, c);
        return std::nullopt;
    });
}

void ParameterTraffic::wait_for_gathered() const {
    auto const& group = s_.groups.data.count > 1 ? s_.groups.data : s_.groups.expert_data;
    to_.wait_for(to_.from_start(Stream::data, gather_of(0.0, group, "parameters")));
}

Collective ParameterTraffic::meeting_of(double parameters, RankSet const& group, int rendezvous) const {
    auto const bytes = parameters * bytes_per_element(s_.plan.local_sgd->format) * s_.outer->times;
    return {CollectiveKind::all_reduce, Bytes{bytes}, group,
            std::string{outer_role},    rendezvous,   s_.plan.communication_share};
}

LayerWeights ParameterTraffic::own_part(LayerWeights const& weights) const {
    bool const kinds = s_.plan.kinds.size() > 1; // unlike ones: every rank takes an equal part
    auto const sharers = [&](RankSet const& group) {
        return kinds ? static_cast<double>(group.count) : s_.plan.zero == 0 ? 1.0 : sharers_of(s_, group);
    };
    return {weights.dense / sharers(s_.groups.data), weights.expert / sharers(s_.groups.expert_data)};
}

/// Of unlike kinds one exchange with the next.
std::vector<Collective> ParameterTraffic::meetings_of(LayerWeights const& weights, int rendezvous) const {
    auto const part = own_part(weights);
    if (s_.plan.kinds.size() > 1) {
        return {meeting_of(part.total(), s_.outer->dense, rendezvous)};
    }
    std::vector<Collective> out{meeting_of(part.dense, s_.outer->dense, -1)};
    if (part.expert > 0) {
        out.push_back(meeting_of(part.expert, s_.outer->expert, -1));
    }
    return out;
}

void ParameterTraffic::meet(LayerWeights const& weights) const {
    for (auto const& meeting : meetings_of(weights, 1)) {
        to_.collective(Stream::data, meeting);
    }
}

void ParameterTraffic::update_outer(LayerWeights const& weights) const {
    auto const part = own_part(weights);
    to_.compute(std::vector{model::optimizer_operation(std::llround(part.total()), Dtype::fp32)});
}

void ParameterTraffic::wait_for(Arrival const& arrival) const {
    to_.wait_for(arrival.dense);
    to_.wait_for(arrival.expert);
}

void ParameterTraffic::gather(LayerWeights const& weights, int tensors) const {
    if (s_.plan.parameter_broadcasts) {
        broadcast(weights.dense, s_.groups.data, tensors);
        broadcast(weights.expert, s_.groups.expert_data, s_.groups.expert_data.count);
        return;
    }
    (void)start_gathers(weights, Meets::no, [&](Collective const& c) -> std::optional<int> {
        to_.collective(Stream::data, c);
        return std::nullopt;
    });
}

void ParameterTraffic::broadcast(double parameters, RankSet const& group, std::int64_t tensors) const {
    auto whole = gather_of(parameters, group, "parameters of one owner");
    auto const owners = std::min(whole.group.count, tensors);
    whole.kind = CollectiveKind::broadcast;
    whole.bytes = whole.bytes * (1.0 / static_cast<double>(owners));
    for (std::int64_t owner = 0; owner < owners && parameters > 0; ++owner) {
        to_.collective(Stream::data, whole);
    }
}

std::vector<Collective> ParameterTraffic::expert_sums(double parameters) const {
    auto out = sums_of(parameters, s_.groups.expert_data, "expert gradients");
    if (s_.kind.redundant_experts > 0) {
        // ranks apart by an equal stretch of the expert ranks stand for those that hold copies of one expert
        auto const& all = s_.groups.expert;
        auto copies = std::max<std::int64_t>(2, std::llround(s_.kind.expert_copies));
        while (copies < all.count && all.count % copies != 0) {
            ++copies;
        }
        copies = std::min(copies, all.count);
        double const held = model::local_experts(*s_.model.moe, s_.shape);
        double const shared = s_.plan.zero == 0 ? 1.0 : sharers_of(s_, s_.groups.expert_data);
        auto const bytes =
            parameters * s_.kind.copied_experts / held / shared * bytes_per_element(s_.plan.gradient);
        out.push_back({CollectiveKind::all_reduce,
                       Bytes{bytes},
                       {all.first, all.stride * (all.count / copies), copies},
                       "gradients of redundant experts",
                       -1,
                       s_.plan.communication_share});
    }
    return out;
}

void ParameterTraffic::sum_behind(LayerWeights const& weights) const {
    if (weights.dense > 0) {
        for (auto const& c : sums_of(weights.dense, s_.groups.data, "gradients")) {
            to_.detached(Stream::data, c);
        }
    }
    if (weights.expert > 0) {
        for (auto const& c : expert_sums(weights.expert)) {
            to_.detached(Stream::data, c);
        }
    }
}

void ParameterTraffic::sum(LayerWeights const& weights) const {
    if (weights.dense > 0) {
        for (auto const& c : sums_of(weights.dense, s_.groups.data, "gradients")) {
            to_.collective(Stream::data, c);
        }
    }
    if (weights.expert > 0) {
        for (auto const& c : expert_sums(weights.expert)) {
            to_.collective(Stream::data, c);
        }
    }
}

} // namespace moesaic::parallel
