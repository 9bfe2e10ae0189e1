#pragma once
#include <vector>

namespace moesaic::engine {

/// A node's neighbours in both trees; one may stand there twice.
struct TreePlace {
    std::vector<int> parents;
    std::vector<int> children;
};

/// Two binary trees over the same nodes: inner nodes of one are leaves of the other (Sanders, Speck, Träff 2009), so
/// that each node sends and receives about as much.
[[nodiscard]] std::vector<TreePlace> double_tree(int nodes);

} // namespace moesaic::engine
