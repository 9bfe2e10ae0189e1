#include "parallel/apart_class.hpp"

#include "parallel/apart_blocks.hpp"

#include <map>
#include <set>

namespace moesaic::parallel {

namespace {

/// The turns of one class, written down in the order in which it takes them.
class Turns {
  public:
    Turns(ApartContext const& context, std::size_t at, RankClass& out)
        : context_{context}, at_{at}, stage_{context.stages[at]}, s_{context.setting},
          blocks_{s_, stage_.chunks, context.pricer}, out_{out}, batches_{s_.kind.apart->batches_in_turn},
          slots_{slots_of(context.job.plan.schedule, stage_.place.stage, stage_.stages,
                          stage_.micro_batches / batches_)} {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].phase == Phase::forward) {
                first_.try_emplace(slots_[i].chunk, i);
            } else {
                last_.insert_or_assign(slots_[i].chunk, i);
            }
        }
    }

    void write(Block step_end) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (s_.part == Part::experts) {
                write_experts(i);
            } else if (turns_back(i)) {
                write_there_and_back(i);
                ++i;
            } else {
                write_attention(i);
            }
        }
        out_.schedule.push_back({blocks_.add(std::move(step_end)), 0, {}, {}});
        out_.blocks = blocks_.take();
    }

  private:
    [[nodiscard]] int segments(Slot const& slot) const {
        return static_cast<int>(blocks_.segments(slot.chunk).size());
    }
    [[nodiscard]] Segment const& segment(Slot const& slot, int k) const {
        return blocks_.segments(slot.chunk)[static_cast<std::size_t>(k)];
    }
    [[nodiscard]] int micro_batch(Slot const& slot, int turn) const {
        return slot.micro_batch * batches_ + turn;
    }
    /// The first micro-batch of the step forwards, the last one backwards.
    [[nodiscard]] bool special(std::size_t i, int turn) const {
        auto const& slot = slots_[i];
        return slot.phase == Phase::forward ? first_.at(slot.chunk) == i && turn == 0
                                            : last_.at(slot.chunk) == i && turn + 1 == batches_;
    }
    [[nodiscard]] TokenMessages::Key key(Slot const& slot, int layer, int turn) const {
        return {stage_.place.stage, layer, slot.phase, micro_batch(slot, turn)};
    }
    /// The forward's end is the backward's beginning.
    [[nodiscard]] bool turns_back(std::size_t i) const {
        return slots_[i].phase == Phase::forward && i + 1 < slots_.size() &&
               slots_[i + 1].phase == Phase::backward && slots_[i + 1].chunk == slots_[i].chunk &&
               slots_[i + 1].micro_batch == slots_[i].micro_batch &&
               stage_.chunks[static_cast<std::size_t>(slots_[i].chunk)].head;
    }

    static void append(std::vector<int>& to, std::vector<int> const& more) {
        to.insert(to.end(), more.begin(), more.end());
    }

    /// One segment of one micro-batch, and what is to do while its tokens are away.
    void write_segment(std::size_t i, int k, int turn) {
        auto const& slot = slots_[i];
        bool const forward = slot.phase == Phase::forward;
        WorkItem item{
            blocks_.segment(slot.chunk, k, slot.phase, special(i, turn)), micro_batch(slot, turn), {}, {}};
        WorkItem ends{0, 0, {}, {}};
        context_.messages.connect(ends, {slot.phase, slot.chunk, item.micro_batch}, at_);
        int const start = forward ? 0 : segments(slot) - 1, end = forward ? segments(slot) - 1 : 0;
        auto const& here = segment(slot, k);
        auto const back = forward ? here.from_experts : here.to_experts;
        auto const out = forward ? here.to_experts : here.from_experts;
        if (k == start) {
            append(item.receives, ends.receives);
        }
        if (back) {
            append(item.receives, context_.tokens.of_all(key(slot, *back, turn), Way::back));
        }
        if (out) {
            append(item.sends, context_.tokens.of_all(key(slot, *out, turn), Way::out));
        }
        if (k == end) {
            append(item.sends, ends.sends);
        }
        out_.schedule.push_back(std::move(item));
        if (auto const block = blocks_.meanwhile(slot.chunk, k, slot.phase)) {
            out_.schedule.push_back({*block, micro_batch(slot, turn), {}, {}});
        }
    }

    /// Experts of a layer, `k` being the segment that sends to them; of one place or of the attention ranks.
    void write_experts_of(std::size_t i, int k, int turn) {
        auto const& slot = slots_[i];
        auto const tokens = key(slot, *segment(slot, k).to_experts, turn);
        auto const place = stage_.place.experts_at;
        out_.schedule.push_back({blocks_.experts(slot.chunk, k, slot.phase, special(i, turn)),
                                 micro_batch(slot, turn),
                                 {context_.tokens.of(tokens, Way::out, place)},
                                 {context_.tokens.of(tokens, Way::back, place)}});
    }

    /// After all micro-batches of a turn have sent (the same, section 4.2).
    void write_own_experts(std::size_t i, int k) {
        auto const& slot = slots_[i];
        int const sender = slot.phase == Phase::forward ? k : k - 1;
        if (sender < 0 || !segment(slot, sender).to_experts ||
            experts_of(s_, *segment(slot, sender).to_experts) == 0) {
            return;
        }
        for (int turn = 0; turn < batches_; ++turn) {
            write_experts_of(i, sender, turn);
        }
    }

    void write_segments(std::size_t i, int k) {
        for (int turn = 0; turn < batches_; ++turn) {
            write_segment(i, k, turn);
        }
        write_own_experts(i, k);
    }

    void write_attention(std::size_t i) {
        int const n = segments(slots_[i]);
        bool const forward = slots_[i].phase == Phase::forward;
        for (int step = 0; step < n; ++step) {
            write_segments(i, forward ? step : n - 1 - step);
        }
    }

    void write_there_and_back(std::size_t i) {
        int const last = segments(slots_[i]) - 1;
        for (int k = 0; k < last; ++k) {
            write_segments(i, k);
        }
        for (int turn = 0; turn < batches_; ++turn) {
            write_segment(i, last, turn);
            write_segment(i + 1, last, turn);
        }
        write_own_experts(i + 1, last);
        for (int k = last - 1; k >= 0; --k) {
            write_segments(i + 1, k);
        }
    }

    void write_experts(std::size_t i) {
        int const n = segments(slots_[i]) - 1; // with experts
        bool const forward = slots_[i].phase == Phase::forward;
        for (int step = 0; step < n; ++step) {
            for (int turn = 0; turn < batches_; ++turn) {
                write_experts_of(i, forward ? step : n - 1 - step, turn);
            }
        }
    }

    ApartContext const& context_;
    std::size_t at_;
    Stage const& stage_;
    StageSetting const& s_;
    ApartBlocks blocks_;
    RankClass& out_;
    int batches_;
    std::vector<Slot> slots_;
    std::map<int, std::size_t> first_, last_; ///< slots by chunk
};

} // namespace

void schedule_apart(ApartContext const& context, std::size_t at, Block step_end, RankClass& out) {
    Turns{context, at, out}.write(std::move(step_end));
}

} // namespace moesaic::parallel
