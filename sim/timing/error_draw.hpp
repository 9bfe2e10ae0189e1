#pragma once
#include <cstdint>
#include <string_view>

namespace moesaic::timing {

/// One draw of how wrong the timings are. Errors of one kind (a chip's kernels of one operation and format; a node type's
/// collectives of one kind over one tier) go together, those of unlike kinds are independent. Each kind has a random stream of
/// its own: a further one changes no other.
class ErrorDraw {
  public:
    ErrorDraw(std::uint64_t seed, std::int64_t draw) : seed_{seed}, draw_{draw} {}
    /// True time over said time: log-normal with this spread, median 1.
    [[nodiscard]] double factor(std::string_view kind, double sigma) const;

  private:
    std::uint64_t seed_;
    std::int64_t draw_;
};

} // namespace moesaic::timing
