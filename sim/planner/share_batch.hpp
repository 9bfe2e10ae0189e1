#pragma once
#include "planner/split.hpp"

#include <optional>
#include <vector>

namespace moesaic::planner {

/// How long a kind of replicas takes: the greatest of its lines.
struct Pace {
    std::vector<Line> lines;
    int sequences = 1; ///< of one micro-batch over all its replicas
    [[nodiscard]] double seconds(int micro_batches) const;
    /// Most micro-batches in the time.
    [[nodiscard]] int within(double seconds) const;
};

/// Micro-batches of each kind that make the batch, with the least longest time. none where no numbers make it exactly
[[nodiscard]] std::optional<std::vector<int>> share_batch(std::vector<Pace> const& paces, int batch);

} // namespace moesaic::planner
