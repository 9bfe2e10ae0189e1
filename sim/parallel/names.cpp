#include "parallel/program.hpp"

#include <array>

namespace moesaic::parallel {

std::string_view name_of(Stream stream) {
    constexpr std::array<std::string_view, streams> names{"compute", "tensor",   "context", "expert",
                                                          "data",    "pipeline", "host"};
    return names[static_cast<std::size_t>(stream)];
}

std::string_view name_of(Phase phase) {
    constexpr std::array<std::string_view, 6> names{
        "forward", "backward", "input_gradient", "weight_gradient", "forward_and_backward", "step_end"};
    return names[static_cast<std::size_t>(phase)];
}

} // namespace moesaic::parallel
