#include "parallel/schedule.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

std::string name_of(Schedule const& schedule) {
    return std::visit(overloaded{[](GPipe) { return std::string{"gpipe"}; },
                                 [](OneFOneB) { return std::string{"1f1b"}; },
                                 [](Interleaved i) { return fmt::format("interleaved x{}", i.chunks); }},
                      schedule);
}

int chunks_of(Schedule const& schedule) {
    auto const* interleaved = std::get_if<Interleaved>(&schedule);
    return interleaved ? interleaved->chunks : 1;
}

namespace {

std::vector<Slot> gpipe(int micro_batches) {
    std::vector<Slot> out;
    for (int i = 0; i < micro_batches; ++i) {
        out.push_back({Phase::forward, 0, i});
    }
    for (int i = 0; i < micro_batches; ++i) {
        out.push_back({Phase::backward, 0, i});
    }
    return out;
}

/// `warm_up` forwards, then forward and backward in turn, then the rest of the backwards. The k-th forward
/// and the k-th backward of the stage are given by the two functions.
template <class Forward, class Backward>
std::vector<Slot> one_f_one_b(int warm_up, int total, Forward forward, Backward backward) {
    std::vector<Slot> out;
    for (int k = 0; k < warm_up; ++k) {
        out.push_back(forward(k));
    }
    for (int k = 0; k < total - warm_up; ++k) {
        out.push_back(forward(warm_up + k));
        out.push_back(backward(k));
    }
    for (int k = total - warm_up; k < total; ++k) {
        out.push_back(backward(k));
    }
    return out;
}

/// Micro-batches pass a stage in groups of `stages`; each group passes chunk 0, then chunk 1, … (backwards:
/// the last first).
std::vector<Slot> interleaved(int stage, int stages, int micro_batches, int chunks) {
    expects(micro_batches % stages == 0, "interleaved: micro-batches are a multiple of the stages");
    int const total = micro_batches * chunks;
    int const warm_up =
        micro_batches == stages ? total : std::min(total, (stages - stage - 1) * 2 + (chunks - 1) * stages);
    auto const slot = [=](Phase phase, int k) {
        int const in_round = k % (stages * chunks);
        int const chunk = in_round / stages;
        int const micro_batch = k / (stages * chunks) * stages + in_round % stages;
        return Slot{phase, phase == Phase::forward ? chunk : chunks - 1 - chunk, micro_batch};
    };
    return one_f_one_b(
        warm_up, total, [&](int k) { return slot(Phase::forward, k); },
        [&](int k) { return slot(Phase::backward, k); });
}

} // namespace

std::vector<Slot> slots_of(Schedule const& schedule, int stage, int stages, int micro_batches) {
    expects(stage >= 0 && stage < stages && micro_batches > 0,
            "a stage of the pipeline and at least one micro-batch");
    auto const plain = [&] {
        return one_f_one_b(
            std::min(stages - stage - 1, micro_batches), micro_batches,
            [](int k) { return Slot{Phase::forward, 0, k}; },
            [](int k) { return Slot{Phase::backward, 0, k}; });
    };
    return std::visit(
        overloaded{[&](GPipe) { return gpipe(micro_batches); }, [&](OneFOneB) { return plain(); },
                   [&](Interleaved i) { return interleaved(stage, stages, micro_batches, i.chunks); }},
        schedule);
}

int peak_in_flight(std::vector<Slot> const& slots) {
    int now = 0;
    int most = 0;
    for (auto const& slot : slots) {
        now += slot.phase == Phase::forward ? 1 : -1;
        most = std::max(most, now);
    }
    return most;
}

double bubble_share(Schedule const& schedule, int stages, int micro_batches) {
    return static_cast<double>(stages - 1) / micro_batches / chunks_of(schedule);
}

} // namespace moesaic::parallel
