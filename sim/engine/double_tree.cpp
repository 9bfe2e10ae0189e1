#include "engine/double_tree.hpp"

#include "base/errors.hpp"

#include <bit>

namespace moesaic::engine {

namespace {

/// Parent in the binary tree whose in-order walk is 1 … n; 0 = none. Odd places are its leaves.
int parent_of(int place, int n) {
    auto const step = place & -place; // distance to the children's children
    auto const beyond = (place - step) | (2 * step);
    if (beyond <= n) {
        return beyond;
    }
    return place - step;
}

} // namespace

std::vector<TreePlace> double_tree(int nodes) {
    expects(nodes > 0, "a tree has nodes");
    std::vector<TreePlace> out(static_cast<std::size_t>(nodes));
    auto const join = [&out](int child, int parent) {
        out[child].parents.push_back(parent);
        out[parent].children.push_back(child);
    };
    for (int place = 1; place <= nodes; ++place) {
        auto const parent = parent_of(place, nodes);
        if (parent == 0) {
            continue;
        }
        join(place - 1, parent - 1);
        if (nodes % 2 == 0) { // mirrored, odd places become even
            join(nodes - place, nodes - parent);
        } else { // or one further
            join(place % nodes, parent % nodes);
        }
    }
    return out;
}

} // namespace moesaic::engine
