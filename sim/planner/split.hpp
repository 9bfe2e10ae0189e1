#pragma once
#include "engine/share_batch.hpp"
#include "planner/layer_times.hpp"

#include <array>
#include <optional>
#include <vector>

namespace moesaic::planner {

/// What a rank of a stage keeps of each part, in bytes. Buffers of layers count once, the largest.
struct PartBytes {
    std::array<double, parts> states{};             ///< weights, gradients, optimizer
    std::vector<std::array<double, parts>> kept;    ///< by recompute: activations at the schedule's peak
    std::vector<std::array<double, parts>> buffers; ///< by recompute
    /// By recompute: what one layer adds to them while a forward and a backward run as one block; empty = none does.
    std::vector<std::array<double, parts>> running;
    double fixed = 0.0; ///< reserve and buffers of exchanges
    double capacity = 0.0;
    [[nodiscard]] double needed(Content const& content, std::size_t recompute) const;
};

/// One stage of a chain: where it runs and what it may hold.
struct ChainStage {
    LocalTimes const* times = nullptr;
    PartBytes bytes;
    std::vector<std::size_t> recompute; ///< what it may compute again, indices into LayerTimes::recompute()
};

/// A chain of stages that share the layers of a model.
struct Chain {
    std::vector<ChainStage> stages;
    int micro_batches = 1;
    Turns turns = Turns::plain;
    /// The last work of each stage is waited for by those before it: counts as the way out. Otherwise the way in
    /// alone counts.
    bool drains = true;
};

struct Split {
    std::vector<int> layers;            ///< of each stage
    std::vector<std::size_t> recompute; ///< of each stage, index into LayerTimes::recompute()
    double seconds = 0.0;               ///< no step of this split takes less
};

/// Layers and recomputation of each stage with the least bound on the step: the longest of, over the stages s,
///     way in to s + micro-batches x turn of s + way out from s.
/// Exact: for a given bound, dynamic programming over the stages keeps the shortest way for each number of layers; the
/// bound itself is found by halving, to 1e-6. none where nothing fits the memory
[[nodiscard]] std::optional<Split> best_split(Chain const& chain, Contents const& contents);
/// The bound of a split.
[[nodiscard]] double bound_of(Chain const& chain, Contents const& contents, Split const& split);
/// The same as a function of the micro-batches: the greatest of these lines.
[[nodiscard]] std::vector<engine::Line> lines_of(Chain const& chain, Contents const& contents,
                                                 Split const& split);

} // namespace moesaic::planner
