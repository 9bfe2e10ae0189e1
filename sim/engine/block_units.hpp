#pragma once
#include "parallel/program.hpp"

#include <vector>

namespace moesaic::engine {

/// Operations of a block that start and end as one: a collective, or kernels that follow each other on their
/// stream with nothing else waiting for one of them or waited for between them.
struct Unit {
    parallel::Stream stream = parallel::Stream::compute;
    bool detached = false;
    bool early = false;    ///< does not wait for the block's messages
    std::vector<int> ops;  ///< in order; one for a collective
    Seconds time;          ///< of the kernels
    int waits = 0;         ///< units of other streams that must have ended
    std::vector<int> next; ///< units of other streams that wait for this one
};

[[nodiscard]] std::vector<Unit> units_of(parallel::Block const& block);

[[nodiscard]] inline parallel::Collective const* collective_of(parallel::Block const& block,
                                                               Unit const& unit) {
    return std::get_if<parallel::Collective>(&block.ops[unit.ops.front()].work);
}

} // namespace moesaic::engine
