#pragma once
#include "sweep/record.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Points that failed for like reasons: their messages differ in numbers alone.
struct LikeFailures {
    std::int64_t points = 0;
    std::int64_t first = 0; ///< of these points
    std::string message;    ///< of the first one
};

/// Gathers the failures of a sweep, in whatever order its points finish.
class FailureGroups {
  public:
    void add(std::int64_t point, Failure const& failure);
    /// Most frequent first; of those as frequent, by their first points.
    [[nodiscard]] std::vector<LikeFailures> by_frequency() const;

  private:
    std::map<std::string, LikeFailures> known_; ///< by the message with each number as "#"
};

} // namespace moesaic::sweep
