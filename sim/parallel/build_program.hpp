#pragma once
#include "hardware/topology.hpp"
#include "model/model.hpp"
#include "parallel/calibration.hpp"
#include "parallel/memory.hpp"
#include "parallel/plan.hpp"
#include "parallel/price.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <vector>

namespace moesaic::parallel {

struct TrainingShape {
    std::int64_t sequence_length = 0;
    int global_batch = 0; ///< sequences per step
};
[[nodiscard]] inline Tokens tokens_per_step(TrainingShape const& shape) {
    return Tokens{static_cast<double>(shape.global_batch) * static_cast<double>(shape.sequence_length)};
}

/// Everything that decides a step. References outlive it.
struct Job {
    model::Model const& model;
    Plan const& plan; ///< micro-batches settled, see engine::split_batch()
    TrainingShape shape;
    hardware::Topology const& topology;
    timing::Timings const& timings;
    Calibration const* calibration = nullptr; ///< none = kernels take as long as they were timed to
};

/// Memory of each rank class, in the order of the program's classes; cheap, nothing is priced.
[[nodiscard]] std::vector<ClassMemory> memory_of_classes(Job const& job);

/// Work of the model for one token, forward and backward, as MFU counts it: of all weights or, beside adapters, without
/// gradients of the frozen ones. A causal mask halves attention; what is computed again does not count.
[[nodiscard]] Flop model_flop_per_token(model::Model const& model, Plan const& plan,
                                        TrainingShape const& shape);

/// One class per replica kind and stage, each operation priced.
/// @throws InputError where the model does not divide by the plan, or a chip's figure is unknown
[[nodiscard]] Program build_program(Job const& job);
/// With prices that stay known for the next program.
[[nodiscard]] Program build_program(Job const& job, Pricers& pricers);

/// Experts per rank by what the chips make of them, where the plan says so (ExpertsApart::by_speed), layer by layer: of
/// all numbers that give every expert a rank, those with which the busiest rank has least to do, over the kernels of
/// this layer and those before it, forward and backward. So idle time of the attention ranks gathers over layers
/// until an expert fits into it, as HeterMoE's "gather and squeeze" has it (arXiv 2504.03871, section 4.2). A rank whose
/// memory does not hold its part gives experts up, over all its layers, until every rank fits or none can hold more.
/// @throws InputError where no numbers give every expert a rank
[[nodiscard]] Plan settle_experts(Job const& job);

/// The plan with the least recomputation that fits where it says so (Recompute::least); full where nothing fits.
[[nodiscard]] Plan settle_recompute(Job const& job);

} // namespace moesaic::parallel
