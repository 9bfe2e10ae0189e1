#pragma once
#include "parallel/choices.hpp"
#include "parallel/program.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moesaic::parallel {

/// All forwards, then all backwards (GPipe, Huang et al. 2019).
struct GPipe {
    friend bool operator==(GPipe const&, GPipe const&) = default;
};
/// One forward, one backward in steady state (PipeDream-Flush; Narayanan et al. SC21, section 2.2.1).
/// Paired: a stage's forward and backward of unlike micro-batches run as one block whose exchanges hide behind each
/// other's kernels. A message then needs a whole block to pass a stage, so that neighbours stand two micro-batches
/// apart instead of one: stage s of p starts with 2(p-s)-1 forwards and keeps up to 2(p-s).
struct OneFOneB {
    bool paired = false;
    friend bool operator==(OneFOneB const&, OneFOneB const&) = default;
};
/// Each stage holds `chunks` model chunks in turn (Narayanan et al. SC21, section 2.2.2). Paired: with one more
/// forward at the start (Megatron-Core's 1F1B with overlap of the expert exchange).
struct Interleaved {
    int chunks = 2;
    bool paired = false;
    friend bool operator==(Interleaved const&, Interleaved const&) = default;
};
/// 1F1B with the weights' gradients apart and later, where the stage would wait (Qi et al. 2023, arXiv 2401.10241,
/// section 2: as many micro-batches in flight as in 1F1B).
struct ZeroBubbleH1 {
    friend bool operator==(ZeroBubbleH1 const&, ZeroBubbleH1 const&) = default;
};
/// With so many forwards ahead that no stage waits from its first work to its last, twice the activations of 1F1B, and
/// no flush: a stage begins the next step when it has done its part of this one (the same, figure 3 and section 4).
struct ZeroBubbleH2 {
    friend bool operator==(ZeroBubbleH2 const&, ZeroBubbleH2 const&) = default;
};
/// Micro-batches enter from both ends; each stage holds two parts of the model, so that every part is there twice, and
/// runs the forward of one beside the backward of the other (DeepSeek-V3, arXiv 2412.19437, section 3.2.1).
/// Not paired: the two run one after the other.
struct DualPipe {
    bool paired = true;
    friend bool operator==(DualPipe const&, DualPipe const&) = default;
};
/// DualPipe of twice the stages, of which each pair that mirrors one another is one: a stage holds a part from the front
/// of the model and one from its back, and micro-batches pass the stages there and back (deepseek-ai/DualPipe, README:
/// DualPipeV, after Qi et al., "cut-in-half"). No part is there twice.
struct DualPipeV {
    bool paired = true;
    friend bool operator==(DualPipeV const&, DualPipeV const&) = default;
};
using Schedule = std::variant<GPipe, OneFOneB, Interleaved, ZeroBubbleH1, ZeroBubbleH2, DualPipe, DualPipeV>;

[[nodiscard]] std::string name_of(Schedule const& schedule);
/// With what a plan chooses each, and what they are without more being said.
[[nodiscard]] Choices<Schedule> const& schedule_choices();
/// The name by which a plan chooses it.
[[nodiscard]] std::string const& choice_of(Schedule const& schedule);
/// DualPipe or DualPipeV: two parts of the model on each stage, and two micro-batches or more per stage.
[[nodiscard]] bool is_dual(Schedule const& schedule);
/// Steps overlap, see ZeroBubbleH2.
[[nodiscard]] bool is_open_ended(Schedule const& schedule);
/// Model chunks that one stage holds.
[[nodiscard]] int chunks_of(Schedule const& schedule);
/// Parts into which the model's layers are split.
[[nodiscard]] int parts_of(Schedule const& schedule, int stages);
/// The part (in the order of the layers) that a chunk of a stage is.
[[nodiscard]] int part_of(Schedule const& schedule, int chunk, int stage, int stages);

struct ChunkPlace {
    int stage = 0;
    int chunk = 0;
    friend bool operator==(ChunkPlace const&, ChunkPlace const&) = default;
};
/// Where a micro-batch goes from here, forwards (steps = 1) or back (-1); none beyond the model's ends.
[[nodiscard]] std::optional<ChunkPlace> neighbour(Schedule const& schedule, ChunkPlace from, int steps,
                                                  int stages);

/// One turn of a stage: a phase of one micro-batch in one of its chunks.
struct Slot {
    Phase phase;
    int chunk;
    int micro_batch;
    bool with_next = false; ///< a forward that runs as one block with the backward that follows it
    friend bool operator==(Slot const&, Slot const&) = default;
};

/// What keeps a schedule from running; none where nothing does. Interleaved wants micro_batches to be a multiple of
/// the stages, as Megatron does; DualPipe an even number of stages and of micro-batches, at least two per stage, DualPipeV
/// the latter.
[[nodiscard]] std::optional<std::string> problem_with(Schedule const& schedule, int stages,
                                                      int micro_batches);

/// The fewest micro-batches that it runs with.
[[nodiscard]] int least_micro_batches(Schedule const& schedule, int stages);
/// It runs with these and so many more each time, and with no others.
[[nodiscard]] int micro_batch_step(Schedule const& schedule, int stages);

/// The order of work of one stage (counted from 0). DualPipe: the second half of the micro-batches enters at the
/// last stage.
/// @throws BugError where problem_with() has something to say, or for a stage outside the pipeline
[[nodiscard]] std::vector<Slot> slots_of(Schedule const& schedule, int stage, int stages, int micro_batches);

/// What a chunk keeps of a micro-batch (bytes, or whatever is counted).
struct Kept {
    double whole = 0;   ///< from the forward to the end of the backward, or of the inputs' gradient
    double waiting = 0; ///< from there to the end of the weights' gradient
    double layer = 0;   ///< of `whole`, by the layer that keeps most
};
/// The most that a stage keeps at a time. A forward and a backward that run as one block go layer by layer, and what a
/// layer of the backward has read is freed when its turn is over: meanwhile one layer is kept more than before or after
/// (Megatron-Core's combined 1F1B; DeepSeek-V3, arXiv 2412.19437, section 3.2.1).
/// @param chunks one entry per chunk
[[nodiscard]] double peak_kept(std::span<Slot const> slots, std::span<Kept const> chunks);

/// Times of one micro-batch on one stage, all its chunks together (DualPipe: one chunk; a stage runs all micro-batches
/// once in any case).
struct PhaseTimes {
    double forward = 0;
    double input_gradient = 0;
    double weight_gradient = 0;
    double paired = 0; ///< a forward and a whole backward as one block

    [[nodiscard]] double backward() const { return input_gradient + weight_gradient; }
};
/// Time that a stage of a uniform pipeline idles in a step, communication left out. F, B (of inputs), W as above:
///   GPipe, 1F1B   (p-1)(F+B+W)          SC21, section 2.2.1; paired the same, on the last stage
///   interleaved   (p-1)(F+B+W)/v        SC21, section 2.2.2
///   ZB-H1         (p-1)(F+B-W)          arXiv 2401.10241, table 2
///   ZB-H2         (p-1)(F+B-2W), 0 where that is less; of an open-ended step
///   DualPipe      (p/2-1)(F&B+B-2W)     deepseek-ai/DualPipe, README, whose B is our B+W; not paired
///                 (p/2-1)(F+B-W); both exact where F=B=W
///   DualPipeV     as DualPipe of 2p stages with half the times: (p-1)(F&B+B-2W)/2, (p-1)(F+B-W)/2
[[nodiscard]] double bubble_time(Schedule const& schedule, int stages, PhaseTimes const& times);
/// The same over the busy time of a stage, with a forward, an input and a weight gradient equally long.
[[nodiscard]] double bubble_share(Schedule const& schedule, int stages, int micro_batches);

} // namespace moesaic::parallel
