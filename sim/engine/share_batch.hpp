#pragma once
#include "base/units.hpp"

#include <optional>
#include <vector>

namespace moesaic::engine {

/// Seconds of a step, by its number of micro-batches.
struct Line {
    Seconds once;
    Seconds each; ///< not below 0
    [[nodiscard]] Seconds at(int micro_batches) const {
        return once + each * static_cast<double>(micro_batches);
    }
};

/// How long a kind of replicas takes for its micro-batches: the longest of its lines.
struct Pace {
    std::vector<Line> lines;
    int sequences = 1; ///< of one micro-batch over all its replicas
    /// Numbers of micro-batches that it runs with: first, first + every, first + 2 every, …
    int first = 1;
    int every = 1;
    [[nodiscard]] Seconds step(int micro_batches) const;
};

/// Micro-batches of each kind that make the batch exactly, with the least longest time; of several such splits the one with
/// the fewest for the first kind, then for the second, … none where no numbers make the batch
[[nodiscard]] std::optional<std::vector<int>> share_batch(std::vector<Pace> const& paces, int batch);

} // namespace moesaic::engine
