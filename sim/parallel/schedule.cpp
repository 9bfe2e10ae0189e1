#include "parallel/schedule.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "parallel/dual_pipe.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

std::string name_of(Schedule const& schedule) {
    return std::visit(overloaded{[](GPipe) { return std::string{"gpipe"}; },
                                 [](OneFOneB) { return std::string{"1f1b"}; },
                                 [](Interleaved i) { return fmt::format("interleaved x{}", i.chunks); },
                                 [](ZeroBubbleH1) { return std::string{"zb-h1"}; },
                                 [](ZeroBubbleH2) { return std::string{"zb-h2"}; },
                                 [](DualPipe) { return std::string{"dualpipe"}; },
                                 [](DualPipeV) { return std::string{"dualpipev"}; }},
                      schedule);
}

Choices<Schedule> const& schedule_choices() {
    static Choices<Schedule> const choices{{"1f1b", OneFOneB{}},           {"gpipe", GPipe{}},
                                           {"interleaved", Interleaved{}}, {"zb-h1", ZeroBubbleH1{}},
                                           {"zb-h2", ZeroBubbleH2{}},      {"dualpipe", DualPipe{}},
                                           {"dualpipev", DualPipeV{}}};
    return choices;
}

std::string const& choice_of(Schedule const& schedule) {
    auto const& choices = schedule_choices();
    auto const at = std::ranges::find_if(
        choices, [&](auto const& choice) { return choice.second.index() == schedule.index(); });
    expects(at != choices.end(), "every schedule can be chosen");
    return at->first;
}

bool is_dual(Schedule const& schedule) {
    return std::holds_alternative<DualPipe>(schedule) || std::holds_alternative<DualPipeV>(schedule);
}

int chunks_of(Schedule const& schedule) {
    auto const* interleaved = std::get_if<Interleaved>(&schedule);
    return interleaved ? interleaved->chunks : is_dual(schedule) ? 2 : 1;
}

int parts_of(Schedule const& schedule, int stages) {
    return std::holds_alternative<DualPipe>(schedule) ? stages : stages * chunks_of(schedule);
}

int part_of(Schedule const& schedule, int chunk, int stage, int stages) {
    if (std::holds_alternative<DualPipe>(schedule)) {
        return chunk == 0 ? stage : stages - 1 - stage;
    }
    if (std::holds_alternative<DualPipeV>(schedule)) {
        return chunk == 0 ? stage : 2 * stages - 1 - stage;
    }
    return chunk * stages + stage;
}

std::optional<ChunkPlace> neighbour(Schedule const& schedule, ChunkPlace from, int steps, int stages) {
    int const part = part_of(schedule, from.chunk, from.stage, stages) + steps;
    if (part < 0 || part >= parts_of(schedule, stages)) {
        return std::nullopt;
    }
    if (std::holds_alternative<DualPipe>(schedule)) { // a micro-batch stays in its direction
        return ChunkPlace{from.chunk == 0 ? part : stages - 1 - part, from.chunk};
    }
    if (std::holds_alternative<DualPipeV>(schedule)) {
        return part < stages ? ChunkPlace{part, 0} : ChunkPlace{2 * stages - 1 - part, 1};
    }
    return ChunkPlace{part % stages, part / stages};
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

/// `warm_up` forwards, then forward and backward in turn (or as pairs), then the rest of the backwards. The k-th
/// forward and the k-th backward of the stage are given by the two functions.
template <class Forward, class Backward>
std::vector<Slot> one_f_one_b(int warm_up, int total, bool paired, Forward forward, Backward backward) {
    std::vector<Slot> out;
    for (int k = 0; k < warm_up; ++k) {
        out.push_back(forward(k));
    }
    for (int k = 0; k < total - warm_up; ++k) {
        out.push_back(forward(warm_up + k));
        out.back().with_next = paired;
        out.push_back(backward(k));
    }
    for (int k = total - warm_up; k < total; ++k) {
        out.push_back(backward(k));
    }
    return out;
}

std::vector<Slot> plain(OneFOneB schedule, int stage, int stages, int micro_batches) {
    int const behind = stages - stage - 1;
    return one_f_one_b(
        std::min(schedule.paired ? 2 * behind + 1 : behind, micro_batches), micro_batches, schedule.paired,
        [](int k) { return Slot{Phase::forward, 0, k}; }, [](int k) { return Slot{Phase::backward, 0, k}; });
}

/// Micro-batches pass a stage in groups of `stages`; each group passes chunk 0, then chunk 1, … (backwards:
/// the last first).
std::vector<Slot> interleaved(Interleaved schedule, int stage, int stages, int micro_batches) {
    int const chunks = schedule.chunks;
    int const total = micro_batches * chunks;
    int const ahead = (stages - stage - 1) * 2 + (chunks - 1) * stages + (schedule.paired ? 1 : 0);
    int const warm_up = micro_batches == stages ? total : std::min(total, ahead);
    auto const slot = [=](Phase phase, int k) {
        int const in_round = k % (stages * chunks);
        int const chunk = in_round / stages;
        int const micro_batch = k / (stages * chunks) * stages + in_round % stages;
        return Slot{phase, phase == Phase::forward ? chunk : chunks - 1 - chunk, micro_batch};
    };
    return one_f_one_b(
        warm_up, total, schedule.paired, [&](int k) { return slot(Phase::forward, k); },
        [&](int k) { return slot(Phase::backward, k); });
}

/// 1F1B whose weights' gradients come `stage` micro-batches later, so that all stages keep equally many.
std::vector<Slot> zero_bubble_h1(int stage, int stages, int micro_batches) {
    std::vector<Slot> out;
    for (auto const& slot : plain({}, stage, stages, micro_batches)) {
        if (slot.phase == Phase::forward) {
            out.push_back(slot);
            continue;
        }
        out.push_back({Phase::input_gradient, 0, slot.micro_batch});
        if (slot.micro_batch >= stage) {
            out.push_back({Phase::weight_gradient, 0, slot.micro_batch - stage});
        }
    }
    for (int k = std::max(0, micro_batches - stage); k < micro_batches; ++k) {
        out.push_back({Phase::weight_gradient, 0, k});
    }
    return out;
}

/// 2(p-s)-1 forwards ahead; weights' gradients `2 x stage` micro-batches later.
std::vector<Slot> zero_bubble_h2(int stage, int stages, int micro_batches) {
    std::vector<Slot> out;
    int forwards = 0, inputs = 0, weights = 0; // done
    auto const forward = [&] {
        if (forwards < micro_batches) {
            out.push_back({Phase::forward, 0, forwards++});
        }
    };
    while (forwards < std::min(2 * (stages - stage) - 1, micro_batches)) {
        forward();
    }
    while (weights < micro_batches) {
        if (inputs < micro_batches) {
            out.push_back({Phase::input_gradient, 0, inputs++});
        }
        if (inputs > 2 * stage || inputs == micro_batches) {
            out.push_back({Phase::weight_gradient, 0, weights++});
        }
        forward();
    }
    return out;
}

} // namespace

bool is_open_ended(Schedule const& schedule) { return std::holds_alternative<ZeroBubbleH2>(schedule); }

std::optional<std::string> problem_with(Schedule const& schedule, int stages, int micro_batches) {
    if (std::holds_alternative<Interleaved>(schedule) && micro_batches % stages != 0) {
        return fmt::format("the interleaved schedule needs micro-batches ({}) that are a multiple of the "
                           "stages ({})",
                           micro_batches, stages);
    }
    if (std::holds_alternative<DualPipe>(schedule)) {
        if (stages % 2 != 0) {
            return fmt::format("DualPipe needs an even number of stages, not {}", stages);
        }
        if (micro_batches % 2 != 0 || micro_batches < 2 * stages) {
            return fmt::format("DualPipe needs an even number of micro-batches ({}), at least two per stage "
                               "({} stages)",
                               micro_batches, stages);
        }
    }
    if (std::holds_alternative<DualPipeV>(schedule) && micro_batches < 2 * stages) {
        return fmt::format("DualPipeV needs at least two micro-batches ({}) per stage ({} stages)",
                           micro_batches, stages);
    }
    return std::nullopt;
}

int least_micro_batches(Schedule const& schedule, int stages) {
    return std::holds_alternative<Interleaved>(schedule) ? stages : is_dual(schedule) ? 2 * stages : 1;
}

int micro_batch_step(Schedule const& schedule, int stages) {
    return std::holds_alternative<Interleaved>(schedule) ? stages
           : std::holds_alternative<DualPipe>(schedule)  ? 2
                                                         : 1;
}

std::vector<Slot> slots_of(Schedule const& schedule, int stage, int stages, int micro_batches) {
    expects(stage >= 0 && stage < stages && micro_batches > 0,
            "a stage of the pipeline and at least one micro-batch");
    auto const problem = problem_with(schedule, stages, micro_batches);
    expects(!problem, problem.value_or(""));
    return std::visit(
        overloaded{[&](GPipe) { return gpipe(micro_batches); },
                   [&](OneFOneB s) { return plain(s, stage, stages, micro_batches); },
                   [&](Interleaved s) { return interleaved(s, stage, stages, micro_batches); },
                   [&](ZeroBubbleH1) { return zero_bubble_h1(stage, stages, micro_batches); },
                   [&](ZeroBubbleH2) { return zero_bubble_h2(stage, stages, micro_batches); },
                   [&](DualPipe s) { return dual_pipe_slots(s.paired, stage, stages, micro_batches); },
                   [&](DualPipeV s) { return dual_pipe_v_slots(s.paired, stage, stages, micro_batches); }},
        schedule);
}

namespace {

/// What a turn adds to what the stage keeps.
double change_by(Slot const& slot, std::span<Kept const> chunks) {
    auto const& kept = chunks[static_cast<std::size_t>(slot.chunk)];
    switch (slot.phase) {
    case Phase::forward:
        return kept.whole;
    case Phase::backward:
        return -kept.whole;
    case Phase::input_gradient:
        return kept.waiting - kept.whole;
    case Phase::weight_gradient:
        return -kept.waiting;
    case Phase::forward_and_backward: // a block's, not a slot's
    case Phase::step_end:
        break;
    }
    return 0.0;
}

} // namespace

double peak_kept(std::span<Slot const> slots, std::span<Kept const> chunks) {
    double now = 0;
    double most = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        double const change = change_by(slots[i], chunks);
        if (!slots[i].with_next) {
            now += change;
            most = std::max(most, now);
            continue;
        }
        double const both = change + change_by(slots[i + 1], chunks);
        double const layer = chunks[static_cast<std::size_t>(slots[i].chunk)].layer;
        most = std::max(most, now + std::min(change, std::max(both, 0.0) + layer));
        now += both;
        ++i;
    }
    return most;
}

namespace {

/// By which a stage of DualPipe stands still longer than the one nearer to the middle.
double dual_pipe_turn(bool paired, PhaseTimes const& times) {
    return paired ? times.paired + times.input_gradient - 2 * times.weight_gradient
                  : times.forward + times.input_gradient - times.weight_gradient;
}

} // namespace

double bubble_time(Schedule const& schedule, int stages, PhaseTimes const& times) {
    double const once = times.forward + times.backward();
    double const others = stages - 1;
    return std::visit(
        overloaded{[&](GPipe) { return others * once; }, [&](OneFOneB) { return others * once; },
                   [&](Interleaved s) { return others * once / s.chunks; },
                   [&](ZeroBubbleH1) {
                       return others * (times.forward + times.input_gradient - times.weight_gradient);
                   },
                   [&](ZeroBubbleH2) {
                       double const left = times.forward + times.input_gradient - 2 * times.weight_gradient;
                       return others * std::max(0.0, left);
                   },
                   [&](DualPipe s) { return (stages / 2.0 - 1.0) * dual_pipe_turn(s.paired, times); },
                   [&](DualPipeV s) { return others / 2.0 * dual_pipe_turn(s.paired, times); }},
        schedule);
}

double bubble_share(Schedule const& schedule, int stages, int micro_batches) {
    PhaseTimes const thirds{.forward = 1, .input_gradient = 1, .weight_gradient = 1, .paired = 3};
    return bubble_time(schedule, stages, thirds) / (3.0 * micro_batches);
}

} // namespace moesaic::parallel
