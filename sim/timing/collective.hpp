#pragma once
#include "base/dtype.hpp"
#include "base/units.hpp"
#include "timing/evidence.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moesaic::timing {

enum class CollectiveKind { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, send_recv };
[[nodiscard]] std::string_view name_of(CollectiveKind kind);
[[nodiscard]] std::optional<CollectiveKind> find_collective(std::string_view name);

/// Tokens on their way to the ranks of their experts or back, by kernels that send each of them once (DeepEP).
struct TokenExchange {
    bool sums = false; ///< what comes back is added up: combine, and the gradient of dispatch
    Dtype format = Dtype::bf16;
    std::int64_t tokens = 0; ///< of a rank
    std::int64_t hidden = 0;
    int topk = 1, experts = 1;
    int sms = 20;        ///< processors that run the kernels
    std::string library; ///< how the tables' kern= begins; empty = any
    friend auto operator<=>(TokenExchange const&, TokenExchange const&) = default;
};

/// What a collective costs apart from the sharing of links: the engine adds contention.
/// An uncontended one takes startup + (bytes a rank sends over the tier) / attainable.
struct CollectiveCost {
    Seconds startup;           ///< until the first byte moves, all steps of the algorithm together
    BytesPerSecond attainable; ///< per rank and direction over the tier, after protocol losses
    Evidence evidence = Evidence::analytic;
    double sigma = 0.0;
};

} // namespace moesaic::timing
