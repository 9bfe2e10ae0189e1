#include "parallel/dual_pipe.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace moesaic::parallel {

namespace {

/// Writes down the turns of a stage. Of its two chunks the near one has its first part of the model closer to the
/// end where its micro-batches enter.
class Writer {
  public:
    enum class Chunk { near, far };

    Writer(bool paired, bool second_half, int micro_batches)
        : paired_{paired}, second_half_{second_half}, half_{micro_batches / 2} {}

    void forward(Chunk chunk, bool with_next = false) {
        int const c = index(chunk);
        out_.push_back({Phase::forward, c, c * half_ + forwards_[at(c)]++, with_next && paired_});
    }
    void backward(Chunk chunk) {
        int const c = index(chunk);
        out_.push_back({Phase::backward, c, c * half_ + backwards_[at(c)]++});
    }
    void input_gradient(Chunk chunk) {
        int const c = index(chunk);
        Slot const slot{Phase::input_gradient, c, c * half_ + backwards_[at(c)]++};
        out_.push_back(slot);
        waiting_.push_back(slot);
    }
    /// Of the inputs' gradient that has waited longest.
    void weight_gradient() {
        auto const slot = waiting_.front();
        waiting_.pop_front();
        out_.push_back({Phase::weight_gradient, slot.chunk, slot.micro_batch});
    }
    void both(Chunk ahead, Chunk back) {
        forward(ahead, true);
        backward(back);
    }
    [[nodiscard]] std::vector<Slot> take() { return std::move(out_); }

  private:
    [[nodiscard]] int index(Chunk chunk) const { return (chunk == Chunk::far) != second_half_ ? 1 : 0; }
    static std::size_t at(int chunk) { return static_cast<std::size_t>(chunk); }

    bool paired_;
    bool second_half_;
    int half_;
    std::array<int, 2> forwards_{};
    std::array<int, 2> backwards_{};
    std::deque<Slot> waiting_;
    std::vector<Slot> out_;
};

using enum Writer::Chunk;

/// Steps 1 to 3: forwards of the near chunk, of both, and between backwards of the far one.
void warm_up(Writer& to, int depth, int inner) {
    for (int i = 0; i < 2 * inner; ++i) {
        to.forward(near);
    }
    for (int i = 0; i < depth; ++i) {
        to.forward(near);
        to.forward(far);
    }
    for (int i = 0; i < inner; ++i) {
        to.input_gradient(far);
        to.weight_gradient();
        to.forward(far);
    }
}

/// Step 6: backwards of both chunks; from the middle on the weights' gradients are put off.
void last_backwards(Writer& to, int depth) {
    for (int i = 0; i < 2 * depth; ++i) {
        auto const chunk = i % 2 == 0 ? far : near;
        if (i < depth) {
            to.backward(chunk);
        } else {
            to.input_gradient(chunk);
        }
    }
}

} // namespace

std::vector<Slot> dual_pipe_slots(bool paired, int stage, int stages, int micro_batches) {
    int const from_end = std::min(stage, stages - 1 - stage); // 0 at both ends
    int const depth = from_end + 1;
    int const inner = stages / 2 - depth; // stages between this one and the middle
    Writer to{paired, stage >= stages / 2, micro_batches};
    warm_up(to, depth, inner);
    for (int i = 0; i < micro_batches / 2 - stages + depth; ++i) { // step 4
        if (i == 0 && inner == 0) {
            to.forward(
                near); // in the middle the first two run apart: the far one's backward can start earlier
            to.backward(far);
        } else {
            to.both(near, far);
        }
        to.both(far, near);
    }
    for (int i = 0; i < inner; ++i) { // step 5
        to.backward(far);
        to.both(far, near);
    }
    last_backwards(to, depth);
    for (int i = 0; i < inner; ++i) { // step 7
        to.weight_gradient();
        to.input_gradient(near);
    }
    for (int i = 0; i < depth; ++i) { // step 8
        to.weight_gradient();
    }
    return to.take();
}

std::vector<Slot> dual_pipe_v_slots(bool paired, int stage, int stages, int micro_batches) {
    auto out = dual_pipe_slots(paired, stage, 2 * stages, 2 * micro_batches);
    for (auto& slot : out) {
        slot.micro_batch -= slot.chunk * micro_batches;
    }
    return out;
}

} // namespace moesaic::parallel
