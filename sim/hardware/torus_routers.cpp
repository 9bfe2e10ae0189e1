#include "hardware/topology_graph.hpp"

#include <algorithm>

namespace moesaic::hardware {

/// Node numbers count along the last dimension first.
int TorusRouters::stride_of(int dimension) const {
    int stride = 1;
    for (auto length = shape.rbegin(); length != shape.rend() - dimension - 1; ++length) {
        stride *= *length;
    }
    return stride;
}

int TorusRouters::neighbour(int node, int dimension, bool plus) const {
    int const length = shape[dimension];
    int const at = place_of(node, dimension);
    return node + ((at + (plus ? 1 : length - 1)) % length - at) * stride_of(dimension);
}

std::vector<TorusLeg> TorusRouters::legs(int from_node, int to_node) const {
    auto const dimensions = static_cast<int>(shape.size());
    int coordinates = 0;
    for (int d = 0; d < dimensions; ++d) {
        coordinates += place_of(from_node, d);
    }
    std::vector<TorusLeg> out;
    for (int d = 0; d < dimensions; ++d) {
        int const length = shape[d];
        int const ahead = (place_of(to_node, d) - place_of(from_node, d) + length) % length;
        int const back = length - ahead;
        if (ahead > 0) {
            bool const plus = ahead < back || (ahead == back && coordinates % 2 == 0);
            out.push_back({d, std::min(ahead, back), plus, ahead == back});
        }
    }
    return out;
}

} // namespace moesaic::hardware
