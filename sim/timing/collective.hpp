#pragma once
#include "base/units.hpp"
#include "timing/evidence.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace moesaic::timing {

enum class CollectiveKind { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, send_recv };
[[nodiscard]] std::string_view name_of(CollectiveKind kind);
[[nodiscard]] std::optional<CollectiveKind> find_collective(std::string_view name);

/// What a collective costs apart from the sharing of links: the engine adds contention.
/// An uncontended one takes startup + (bytes a rank sends over the tier) / attainable.
struct CollectiveCost {
    Seconds startup;           ///< until the first byte moves, all steps of the algorithm together
    BytesPerSecond attainable; ///< per rank and direction over the tier, after protocol losses
    Evidence evidence = Evidence::analytic;
    double sigma = 0.0;
};

} // namespace moesaic::timing
