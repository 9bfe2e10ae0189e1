#include "parallel/class_blocks.hpp"

namespace moesaic::parallel {

namespace {

/// The first forward of each chunk, and the turn that completes its last gradients.
std::set<std::size_t> special_slots(std::vector<Slot> const& slots) {
    std::map<int, std::size_t> first, last;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].phase == Phase::forward) {
            first.try_emplace(slots[i].chunk, i);
        } else if (slots[i].phase != Phase::input_gradient) {
            last[slots[i].chunk] = i;
        }
    }
    std::set<std::size_t> out;
    for (auto const& of_chunk : {first, last}) {
        for (auto const& [chunk, slot] : of_chunk) {
            out.insert(slot);
        }
    }
    return out;
}

BackwardPart part_of(Phase phase) {
    return phase == Phase::backward         ? BackwardPart::both
           : phase == Phase::input_gradient ? BackwardPart::inputs
                                            : BackwardPart::weights;
}

} // namespace

ClassBlocks::ClassBlocks(StageSetting const& setting, std::vector<ChunkContent> const& chunks,
                         std::vector<Slot> const& slots, Pricer& pricer, TimeAlone time)
    : setting_{setting}, chunks_{chunks}, slots_{slots}, pricer_{pricer}, time_{std::move(time)},
      special_{special_slots(slots)} {}

ClassBlocks::Turn ClassBlocks::turn_of(std::size_t slot) const {
    return {slots_[slot].chunk, slots_[slot].phase, special_.contains(slot)};
}

Block const& ClassBlocks::built(Turn const& turn) {
    auto const [at, is_new] = built_.try_emplace(turn);
    if (is_new) {
        auto const& [chunk, phase, special] = turn;
        auto const& content = chunks_[static_cast<std::size_t>(chunk)];
        at->second = phase == Phase::forward
                         ? forward_block(setting_, content, pricer_, special)
                         : backward_block(setting_, content, pricer_, special, part_of(phase));
    }
    return at->second;
}

int ClassBlocks::add(Block block) {
    blocks_.push_back(std::move(block));
    return static_cast<int>(blocks_.size()) - 1;
}

int ClassBlocks::of(Turn const& turn) {
    auto const [at, is_new] = single_.try_emplace(turn, 0);
    if (is_new) {
        at->second = add(built(turn));
    }
    return at->second;
}

int ClassBlocks::of(std::size_t slot) {
    auto const turn = turn_of(slot);
    if (!slots_[slot].with_next) {
        return of(turn);
    }
    auto const next = turn_of(slot + 1);
    auto const [at, is_new] = paired_.try_emplace({turn, next}, 0);
    if (is_new) {
        auto const &forward = built(turn), &backward = built(next);
        at->second = add({forward.name + " + " + backward.name, Phase::forward_and_backward,
                          merge_blocks(forward.ops, backward.ops, time_)});
    }
    return at->second;
}

} // namespace moesaic::parallel
