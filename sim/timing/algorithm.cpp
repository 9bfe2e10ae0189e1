#include "timing/algorithm.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::timing {

namespace {

/// NVIDIA/nccl src/graph/tuning.cc, model constants of the LL protocol: what comes before the first step, and a step of
/// a tree over a step of a ring on the network (5.0 and 2.7 us), where a node sums what two children send.
constexpr Seconds launch{3.6e-6};
constexpr Seconds launch_of_trees{4.4e-6};
constexpr double tree_step = 5.0 / 2.7;

constexpr double as_other_algorithm = 0.15; ///< as for curves of another kind

struct Steps {
    double inside = 0.0, across = 0.0;
};

/// Of one pass (scatter or gather) from the first rank to the last.
Steps steps_of_pass(Algorithm algorithm, GroupShape const& group) {
    auto const nodes = static_cast<double>(group.nodes);
    auto const in_node = static_cast<double>(group.ranks) / nodes;
    auto const depth = std::floor(std::log2(nodes));
    switch (algorithm) {
    case Algorithm::ring: // each node is left once on the way round
        return {nodes * (in_node - 1.0), nodes - 1.0};
    case Algorithm::tree:
        return {in_node - 1.0, tree_step * depth};
    case Algorithm::direct:
        return nodes > 1.0 ? Steps{0.0, 1.0} : Steps{1.0, 0.0};
    case Algorithm::hierarchical:
        return {in_node - 1.0, nodes - 1.0};
    case Algorithm::automatic:
        break;
    }
    throw BugError{"the start-up of what the library chose is in its curve"};
}

Steps steps_of(Algorithm algorithm, CollectiveKind kind, GroupShape const& group) {
    if (kind == CollectiveKind::all_to_all && algorithm == Algorithm::hierarchical) {
        return {group.ranks > group.nodes ? 1.0 : 0.0, group.nodes > 1 ? 1.0 : 0.0};
    }
    auto const pass = steps_of_pass(algorithm, group);
    auto const passes = kind == CollectiveKind::all_reduce ? 2.0 : 1.0;
    return {passes * pass.inside, passes * pass.across};
}

} // namespace

std::string_view name_of(Algorithm algorithm) {
    constexpr std::string_view names[] = {"automatic", "ring", "tree", "direct", "hierarchical"};
    return names[static_cast<int>(algorithm)];
}

std::vector<Algorithm> algorithms_of(CollectiveKind kind) {
    using enum Algorithm;
    switch (kind) {
    case CollectiveKind::all_reduce:
        return {automatic, ring, tree, direct, hierarchical};
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
        return {automatic, ring, direct, hierarchical};
    case CollectiveKind::all_to_all:
        return {automatic, direct, hierarchical};
    case CollectiveKind::broadcast:
        return {automatic, ring, tree};
    case CollectiveKind::send_recv:
        break;
    }
    return {automatic};
}

Seconds startup_of(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                   hardware::NodeType const& node) {
    auto const steps = steps_of(algorithm, kind, group);
    return (algorithm == Algorithm::tree ? launch_of_trees : launch) +
           node.scale_up.latency.value * steps.inside + node.nic_latency.value * steps.across;
}

CollectiveKind rate_like(Algorithm algorithm, CollectiveKind kind) {
    return algorithm == Algorithm::direct ? CollectiveKind::all_to_all : kind;
}

CollectiveCost carried_out_by(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                              hardware::NodeType const& node, CollectiveCost const& as_measured) {
    if (algorithm == Algorithm::automatic) {
        return as_measured;
    }
    return {startup_of(algorithm, kind, group, node), as_measured.attainable,
            weakest(as_measured.evidence, Evidence::transferred),
            std::hypot(as_measured.sigma, as_other_algorithm)};
}

} // namespace moesaic::timing
