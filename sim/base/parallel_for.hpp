#pragma once
#include <cstddef>
#include <functional>

namespace moesaic {

/// As many as were asked for; one per core where that is 0.
[[nodiscard]] int workers_or_cores(int asked);

/// Calls work(0) … work(count - 1) on at most `workers` threads, in any order; returns when all have ended. Of what they
/// throw, the exception of the least index comes back.
void parallel_for(std::size_t count, int workers, std::function<void(std::size_t)> const& work);

} // namespace moesaic
