#include "parallel/stage_messages.hpp"

#include "base/errors.hpp"
#include "parallel/expert_split.hpp"

#include <algorithm>

namespace moesaic::parallel {

void Messages::connect(WorkItem& item, Slot const& slot, std::size_t at) {
    auto const& stage = stages_[at];
    if (slot.phase == Phase::weight_gradient || stage.stages == 1) {
        return;
    }
    ChunkPlace const here{stage.place.stage, slot.chunk};
    int const ahead = slot.phase == Phase::forward ? 1 : -1;
    auto const elsewhere = [&](std::optional<ChunkPlace> const& other) {
        return other && other->stage != here.stage;
    };
    if (auto const from = neighbour(job_.plan.schedule, here, -ahead, stage.stages); elsewhere(from)) {
        item.receives.push_back(message(ahead, *from, here, slot.micro_batch, at));
    }
    if (auto const to = neighbour(job_.plan.schedule, here, ahead, stage.stages); elsewhere(to)) {
        item.sends.push_back(message(ahead, here, *to, slot.micro_batch, at));
    }
}

int Messages::message(int ahead, ChunkPlace from, ChunkPlace to, int micro_batch, std::size_t at) {
    // class of the kind's stage 0
    auto const first = at - static_cast<std::size_t>(stages_[at].place.stage);
    auto const key = std::tuple{first, ahead, from.stage, from.chunk, micro_batch};
    auto const [entry, made] = known_.try_emplace(key, static_cast<int>(program_.messages.size()));
    if (made) {
        auto const& source = stages_[first + static_cast<std::size_t>(from.stage)];
        auto const& target = stages_[first + static_cast<std::size_t>(to.stage)];
        program_.messages.push_back({.from = ClassId{static_cast<std::int64_t>(first) + from.stage},
                                     .to = ClassId{static_cast<std::int64_t>(first) + to.stage},
                                     .bytes = bytes(source, target),
                                     .source = source.place.ranks.first,
                                     .destination = target.place.ranks.first,
                                     .blocking = blocks(source, target),
                                     .in_turn = job_.plan.messages_in_turn});
    }
    return entry->second;
}

/// Rows of the micro-batch are spread over the tensor ranks that send. Whole ones come to each receiver once.
Bytes Messages::bytes(Stage const& source, Stage const& target) const {
    auto const& kind = job_.plan.kinds[static_cast<std::size_t>(source.place.kind)];
    double const rows = static_cast<double>(kind.micro_batch * job_.shape.sequence_length) / kind.context;
    double const element = bytes_per_element(source.place.group->precision.activations);
    double const all = rows * job_.model.hidden * element;
    double const senders = source.place.group->tensor, receivers = target.place.group->tensor;
    bool const whole = job_.plan.whole_messages && !job_.plan.sequence_parallel;
    return Bytes{whole ? all * receivers / senders : all / senders};
}

bool Messages::blocks(Stage const& source, Stage const& target) const {
    return messages_block(job_.plan) ||
           job_.topology.sender_waits(source.place.ranks.first, target.place.ranks.first);
}

std::size_t TokenMessages::class_of(int stage, std::optional<int> place) const {
    auto const at = std::ranges::find_if(
        stages_, [&](Stage const& s) { return s.place.stage == stage && s.place.experts_at == place; });
    expects(at != stages_.end(), "the stage and its places have a class each");
    return static_cast<std::size_t>(at - stages_.begin());
}

Message TokenMessages::message(Key const& key, Way way, std::optional<int> place) const {
    auto const attention = class_of(key.stage, std::nullopt);
    auto const experts = class_of(key.stage, place);
    auto const setting = [&](std::size_t at) {
        return stage_setting(job_.model, job_.plan, stages_[at].place, job_.shape.sequence_length);
    };
    auto const& moe = *job_.model.moe;
    auto const there = setting(experts);
    auto const& kind = there.kind;
    // of a receiving or sending rank with experts; an attention rank has as many as its group's in all, in equal parts
    double const rows = model::expert_rows(moe, shape_of(there, key.layer));
    double const attention_ranks = static_cast<double>(stages_[attention].place.ranks.count);
    double const expert_ranks = static_cast<double>(stages_[experts].place.ranks.count);
    double const copies = way == Way::back ? rows : rows * expert_ranks / attention_ranks;
    auto const precision =
        model::precision_of_layer(setting(attention).shape.precision, job_.model, key.layer);
    bool const tokens_go = key.phase == Phase::forward && way == Way::out;
    double const element = bytes_per_element(tokens_go ? precision.dispatch : precision.activations);
    auto const [from, to] = way == Way::out ? std::pair{attention, experts} : std::pair{experts, attention};
    return {ClassId{static_cast<std::int64_t>(from)},
            ClassId{static_cast<std::int64_t>(to)},
            Bytes{copies * model::expert_columns(job_.model) * element},
            stages_[from].place.ranks.first,
            stages_[to].place.ranks.first,
            kind.apart->groups,
            Stream::expert};
}

int TokenMessages::of(Key const& key, Way way, std::optional<int> place) {
    auto const [entry, made] =
        known_.try_emplace({key, way, place.value_or(-1)}, static_cast<int>(program_.messages.size()));
    if (made) {
        program_.messages.push_back(message(key, way, place));
    }
    return entry->second;
}

std::vector<int> TokenMessages::of_all(Key const& key, Way way) {
    std::vector<int> out;
    auto const& attention = stages_[class_of(key.stage, std::nullopt)];
    auto const& kind = job_.plan.kinds[static_cast<std::size_t>(attention.place.kind)];
    for (int place = 0; place < static_cast<int>(kind.apart->places.size()); ++place) {
        out.push_back(of(key, way, place));
    }
    auto const split = split_experts(job_.model, kind, *attention.place.group);
    if (split.attention[static_cast<std::size_t>(moe_index(job_.model, key.layer))] > 0) {
        out.push_back(of(key, way, std::nullopt));
    }
    return out;
}

} // namespace moesaic::parallel
