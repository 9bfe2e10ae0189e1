#pragma once
#include "parallel/program.hpp"

#include <functional>

namespace moesaic::parallel {

/// Seconds of an operation that has chip and links for itself.
using TimeAlone = std::function<Seconds(BlockOp const&)>;

/// Two blocks that do not wait for each other as one whose chains take turns, so that the communication of one runs
/// behind the kernels of the other (DeepSeek-V3, arXiv 2412.19437, figure 4). Streams are first in, first out, so the
/// order decides: at each point comes what could start first on an idle chip; of kernels that both chains could start,
/// the one with less kernel time before it hands on to a communication.
[[nodiscard]] std::vector<BlockOp> merge_blocks(std::vector<BlockOp> const& first,
                                                std::vector<BlockOp> const& second, TimeAlone const& time);

} // namespace moesaic::parallel
