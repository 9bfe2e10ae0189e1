#pragma once
#include "parallel/program.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moesaic::parallel {

/// All forwards, then all backwards (GPipe, Huang et al. 2019).
struct GPipe {};
/// One forward, one backward in steady state (PipeDream-Flush; Narayanan et al. SC21, section 2.2.1).
struct OneFOneB {};
/// Each stage holds `chunks` model chunks in turn (Narayanan et al. SC21, section 2.2.2).
struct Interleaved {
    int chunks = 2;
};
using Schedule = std::variant<GPipe, OneFOneB, Interleaved>;

[[nodiscard]] std::string name_of(Schedule const& schedule);
/// Model chunks that one stage holds.
[[nodiscard]] int chunks_of(Schedule const& schedule);

/// One turn of a stage: a phase of one micro-batch in one of its chunks.
struct Slot {
    Phase phase;
    int chunk;
    int micro_batch;
    friend bool operator==(Slot const&, Slot const&) = default;
};

/// The order of work of one stage (counted from 0).
/// Interleaved wants micro_batches to be a multiple of the stages, as Megatron does.
/// @throws BugError where it is not, or for a stage outside the pipeline
[[nodiscard]] std::vector<Slot> slots_of(Schedule const& schedule, int stage, int stages, int micro_batches);

/// The most forwards of a stage whose backwards have not ended, counted in chunks of the model.
[[nodiscard]] int peak_in_flight(std::vector<Slot> const& slots);

/// Idle share of a stage over its busy time on uniform stages, communication left out:
/// (p-1)/m for GPipe and 1F1B, (p-1)/(m v) interleaved (SC21, equations in sections 2.2.1 and 2.2.2).
[[nodiscard]] double bubble_share(Schedule const& schedule, int stages, int micro_batches);

} // namespace moesaic::parallel
