#pragma once
#include "planner/layer_times.hpp"

#include <vector>

namespace moesaic::planner {

/// What the closed form knows of plans that have a Local, a schedule's turns and a degree of sharing in common.
struct WholeModel {
    double turn = 0.0;       ///< seconds of one micro-batch through all layers, with the least recomputation
    double layer_turn = 0.0; ///< of its fastest layer, or what is least of each kind of work over its layers
    /// Ends at which micro-batches enter: under DualPipe each part of the model sees half of them, and a stage has two.
    double ends = 1.0;
    int layers = 0;
    double way = 0.0; ///< of a turn, what a stage adds at least to the way in and out of those behind it
    // bytes of one layer, of the kind that there are more of
    int like_layers = 0;     ///< layers of that kind
    double held = 0.0;       ///< weights, gradients and optimizer that are not shared out
    double shared_dense = 0; ///< the same over the ranks that share
    double shared_expert = 0;
    double kept = 0.0;   ///< activations of one micro-batch, with the most recomputation
    double flight = 0.0; ///< micro-batches that each stage behind adds to those in flight; 0 = one in flight
    double room = 0.0;   ///< capacity less what is held back
};

/// Plans, one per row.
struct PlanRows {
    std::vector<double> stages, micro_batches;
    std::vector<double> dense_sharers, expert_sharers; ///< ranks that share optimizer state
    [[nodiscard]] std::size_t size() const { return stages.size(); }
    void clear();
};

/// Seconds that no step takes less, whatever the split of the layers; infinite where no split fits the memory.
/// With W the turn of the whole model, p stages, m micro-batches, and a w of its turn that each stage adds to the way of
/// those behind it: a stage has on average W/p to do per micro-batch, one stage holds L/p layers, rounded up, and
///     max over s of (way of s + m W_s) >= w W / (1 - (1 - w/m)^p) >= W/p (m + w (p-1)/2):
/// the best that uneven stages can do is to give those with a longer way less work.
/// Memory: with f_s micro-batches in flight, stage s has room for at most room / (held + kept f_s) layers; these must be
/// enough for all. Sums of 1 / (a + b f) over f = 1, 2, …, n are below ln(1 + b n/a) / b. DualPipe: two stages that mirror
/// each other hold the same two parts, share what is shared out of them, and have n and p - n micro-batches of the one and
/// p - n and n of the other in flight when they have warmed up; so both parts together, l layers, want
///     2 room >= l (2 held + p kept), of which one share counts once.
[[nodiscard]] std::vector<double> lower_bounds(WholeModel const& whole, PlanRows const& rows);

[[nodiscard]] WholeModel whole_model(Problem const& problem, LayerTimes& times, Local const& local,
                                     parallel::Schedule const& schedule, int zero);

} // namespace moesaic::planner
