#pragma once
#include "base/dtype.hpp"
#include "timing/collective_cost.hpp"
#include "timing/kernel_time.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace moesaic::timing {

/// What kernels that send a token once to each node and rank (DeepEP and its relatives) attain over the tier: from the tables'
/// rows of the chip (ep_dispatch, ep_combine), else from those of a chip of the same maker with the most alike link, never
/// faster than there. Rows of low latency (inference) are passed over.
/// @param question with `tokens`
/// none where nobody measured such kernels on a like number of ranks and nodes
[[nodiscard]] std::optional<CollectiveCost>
exchange_cost(Estimator const& estimator, hardware::NodeType const& node, CollectiveQuestion const& question);

} // namespace moesaic::timing
