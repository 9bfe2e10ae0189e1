#pragma once
#include "parallel/program.hpp"

namespace moesaic::parallel {

/// A program whose step is the collective alone: the ranks of its group do nothing else, and nobody else does anything.
[[nodiscard]] Program only(Collective const& collective);

} // namespace moesaic::parallel
