#include "timing/algorithm.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::timing {

namespace {

/// A protocol in NCCL's cost model (NVIDIA/nccl @12df1a1 src/tuning/cost_model.cc, ring.cc and tree.cc; ring and tree):
/// what comes before the first step; what a step over NVLink (0.6 us) and over the network takes longer than with LL,
/// whose steps are the latencies of the node's links here; its share of the links' rate.
struct ProtocolFigures {
    Seconds launch, more_inside, more_across;
    double share;
};
constexpr ProtocolFigures of_rings[] = {
    {Seconds{6.6e-6}, Seconds{0.0}, Seconds{0.0}, 0.5},
    {Seconds{14.0e-6}, Seconds{1.3e-6}, Seconds{1.3e-6}, 0.92},
    {Seconds{8.4e-6}, Seconds{2.8e-6}, Seconds{11.3e-6}, 1.0},
};
constexpr ProtocolFigures of_trees[] = {
    {Seconds{6.8e-6}, Seconds{0.0}, Seconds{0.0}, 0.92 / 3.8},
    {Seconds{14.0e-6}, Seconds{0.65e-6}, Seconds{3.5e-6}, 0.92 * 120.0 / 128.0},
    {Seconds{8.4e-6}, Seconds{3.4e-6}, Seconds{9.0e-6}, 0.92},
};

/// A step over the network where nothing hides it (in a tree, where a node sums what two children send, and in a ring of
/// one rank per node) over a step of a ring, both with LL: 5.0 and 2.7 us there.
constexpr double exposed_step = 5.0 / 2.7;

/// A ring posts each of its steps to the network, also those inside a node: no step is shorter (ring.cc, netOverhead).
constexpr Seconds posting{1e-6};
constexpr double simple_posts = 3.0;

/// An all_reduce round several nodes by chunks starts longer (ring.cc, from compute capability 8.0 on).
constexpr double plateau = 1.4;

/// What trees attain of their rate with messages of 64 B, 128 B … 256 MiB (cost_model.cc, treeCorrectionFactor): they fill
/// up with few chunks in flight.
constexpr double of_filling_trees[][23] = {
    {1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.5,
     0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0},
    {1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6,
     0.6, 0.6, 0.6, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0},
    {0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5,
     0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9},
};

constexpr double as_other_algorithm = 0.15; ///< as for curves of another kind

ProtocolFigures const& figures_of(Algorithm algorithm, Protocol protocol) {
    return (algorithm == Algorithm::tree ? of_trees : of_rings)[static_cast<int>(protocol)];
}

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
        return {in_node - 1.0, depth};
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

Seconds startup_of(Algorithm algorithm, Protocol protocol, CollectiveKind kind, GroupShape const& group,
                   hardware::NodeType const& node) {
    auto const steps = steps_of(algorithm, kind, group);
    auto const& figures = figures_of(algorithm, protocol);
    bool const ring = algorithm == Algorithm::ring;
    bool const exposed = algorithm == Algorithm::tree || (ring && group.ranks == group.nodes);
    auto inside = node.scale_up.latency.value + figures.more_inside;
    if (ring && group.nodes > 1) {
        inside = std::max(inside, posting * (protocol == Protocol::simple ? simple_posts : 1.0));
    }
    auto const across = node.nic_latency.value * (exposed ? exposed_step : 1.0) +
                        (exposed ? figures_of(Algorithm::tree, protocol) : figures).more_across;
    auto const whole = figures.launch + inside * steps.inside + across * steps.across;
    bool const levels_off =
        ring && protocol == Protocol::simple && kind == CollectiveKind::all_reduce && group.nodes > 1;
    return whole * (levels_off ? plateau : 1.0);
}

/// HCCL goes round the servers, each time with what a whole server holds (HCCL_ALGO: mesh inside, ring or pipeline between).
Seconds round_nodes(CollectiveKind kind, GroupShape const& group, hardware::NodeType const& node, Bytes sent,
                    BytesPerSecond attainable, double slower) {
    auto const way = node.node_by_node ? Algorithm::hierarchical : Algorithm::ring;
    auto const bytes = sent / attainable;
    auto const time = [&](Protocol protocol) {
        auto const latency = startup_of(way, protocol, kind, group, node) * slower;
        auto const passed = sent / (attainable * share_of(way, protocol, group, sent));
        return kind == CollectiveKind::broadcast ? latency + passed
                                                 : Seconds{std::hypot(latency.value(), passed.value())};
    };
    return std::min({time(Protocol::ll), time(Protocol::ll128), time(Protocol::simple)}) - bytes;
}

double share_of(Algorithm algorithm, Protocol protocol, GroupShape const& group, Bytes message) {
    auto share = figures_of(algorithm, protocol).share;
    if (algorithm != Algorithm::tree) {
        return share;
    }
    if (protocol == Protocol::ll128 && group.nodes == 1) {
        share = 0.92 * 7.0 / 9.0; // tree.cc: a chain
    }
    auto const& filled = of_filling_trees[static_cast<int>(protocol)];
    auto const doublings = std::max(0.0, std::floor(std::log2(message.value() / 64.0)));
    return doublings < static_cast<double>(std::size(filled)) ? share * filled[static_cast<int>(doublings)]
                                                              : share;
}

bool is_measured(Algorithm algorithm, CollectiveKind kind) {
    switch (kind) {
    case CollectiveKind::all_to_all:
        return algorithm == Algorithm::direct;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::broadcast:
        return algorithm == Algorithm::ring;
    case CollectiveKind::all_reduce:
    case CollectiveKind::send_recv:
        break;
    }
    return false;
}

CollectiveKind rate_like(Algorithm algorithm, CollectiveKind kind) {
    if (algorithm == Algorithm::direct) {
        return CollectiveKind::all_to_all;
    }
    return kind == CollectiveKind::all_reduce ? CollectiveKind::all_gather : kind;
}

CollectiveCost carried_out_by(Algorithm algorithm, CollectiveKind kind, GroupShape const& group,
                              hardware::NodeType const& node, Part const& part) {
    auto const evidence = weakest(part.large.evidence, Evidence::transferred);
    auto const sigma = std::hypot(part.large.sigma, as_other_algorithm);
    auto const by = [&](Protocol protocol) -> CollectiveCost {
        auto const startup = startup_of(algorithm, protocol, kind, group, node);
        return {std::max(startup, part.small.startup),
                part.large.attainable * share_of(algorithm, protocol, group, part.message), evidence, sigma};
    };
    auto const time = [&](CollectiveCost const& cost) { return cost.startup + part.sent / cost.attainable; };
    return std::ranges::min({by(Protocol::ll), by(Protocol::ll128), by(Protocol::simple)}, {}, time);
}

} // namespace moesaic::timing
