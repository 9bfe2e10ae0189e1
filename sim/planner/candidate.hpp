#pragma once
#include "parallel/schedule.hpp"

#include <compare>
#include <vector>

namespace moesaic::planner {

/// Consecutive pipeline stages on one pool.
struct Segment {
    int pool = 0;
    int tensor = 1;
    int stages = 1;
    friend auto operator<=>(Segment const&, Segment const&) = default;
};

/// Replicas that are alike. Their layers and what they compute again is settled later, see refine().
struct KindChoice {
    std::vector<Segment> segments;
    int context = 1;
    int expert = 1;
    int micro_batch = 1;
    int replicas = 1;
    friend auto operator<=>(KindChoice const&, KindChoice const&) = default;
};

/// A plan as the search sees it.
struct Candidate {
    std::vector<KindChoice> kinds;
    parallel::Schedule schedule; ///< paired = exchanges are hidden, see parallel::Plan::overlap_exchange
    int zero = 1;
};

/// How a plan uses the pools: each pool alone (a lane for each, in their order), whole replicas on several, stages of every
/// replica on several. Their bounds are not equally near to what plans take, so that each has a place and effort of its own
/// in a search.
struct Lanes {
    std::size_t pools = 1;
    [[nodiscard]] std::size_t replicas() const { return pools; }
    [[nodiscard]] std::size_t stages() const { return pools + 1; }
    [[nodiscard]] std::size_t count() const { return pools + 2; }
    [[nodiscard]] std::size_t of(Candidate const& candidate) const;
};

[[nodiscard]] int stages_of(KindChoice const& kind);
/// Chips of each pool.
[[nodiscard]] std::vector<int> chips_by_pool(Candidate const& candidate, std::size_t pools);

/// How the turns of a stage follow each other, as far as bounds care.
enum class Turns {
    plain,  ///< forward, then backward
    parted, ///< gradients of inputs and of weights as blocks of their own
    paired  ///< a forward and a backward of unlike micro-batches as one block
};
[[nodiscard]] Turns turns_of(parallel::Schedule const& schedule);
[[nodiscard]] bool is_paired(parallel::Schedule const& schedule);
/// One chunk per stage, whose last work of a step is a backward that the stages before it wait for.
[[nodiscard]] bool drains(parallel::Schedule const& schedule);

} // namespace moesaic::planner
