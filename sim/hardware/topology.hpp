#pragma once
#include "base/ids.hpp"
#include "base/units.hpp"
#include "hardware/cluster.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace moesaic::hardware {

/// How far apart two chips are.
/// leaf: one switch between them (of a torus: neighbours); spine: over other leaves of the group (all leaves where there are no
/// groups); core: from group to group; site: in different pools.
enum class Tier { self, node, leaf, spine, core, site };
constexpr int tiers = 6;
[[nodiscard]] std::string_view name_of(Tier tier);

/// outward: from a chip towards the core; inward: from the core to a chip; pair: joins two chips directly
/// (mesh); through: from a router of a torus to the next one, also for what comes from farther.
enum class Direction { outward, inward, pair, through };

/// One direction of a physical link.
struct TopologyLink {
    std::string name;
    BytesPerSecond bandwidth;
    Seconds latency;
    Direction direction;
};

/// A pool of chips as a part of the topology: the first `chips` chips of a cluster.
struct TopologyPool {
    Cluster cluster;
    int chips = 0;
};

/// Between two pools; each pool has one such port each way per link that names it.
struct SiteLink {
    int pool_a = 0;
    int pool_b = 0;
    BytesPerSecond bandwidth; ///< each way, all chips together
    Seconds latency;
    /// Of one chip, one way, where its path is narrower than its NIC (see Transport); 0 = as its NIC.
    BytesPerSecond per_chip{};
    /// Whoever sends over it does nothing else until it is through (see Transport).
    bool sender_waits = false;
};

/// The graph of chips, NICs and switches over all pools (Boost.Graph inside), chips counted over the pools in
/// order.
class Topology {
  public:
    /// @throws InputError where pools are not joined or a pool asks for more chips than its cluster has
    Topology(std::vector<TopologyPool> pools, std::vector<SiteLink> site_links);
    ~Topology();
    Topology(Topology&&) noexcept;
    Topology& operator=(Topology&&) noexcept;

    [[nodiscard]] int chips() const;
    [[nodiscard]] PoolId pool_of(ChipIndex chip) const;
    [[nodiscard]] TopologyPool const& pool(PoolId id) const;
    [[nodiscard]] ChipIndex first_chip(PoolId id) const;
    [[nodiscard]] Tier tier(ChipIndex from, ChipIndex to) const;
    /// Of the link between their pools; false inside a pool.
    [[nodiscard]] bool sender_waits(ChipIndex from, ChipIndex to) const;
    /// A number for the leaf switch that the chip's NIC is on: chips of one leaf are alike for all beyond their node.
    [[nodiscard]] int leaf_of(ChipIndex chip) const;
    /// The links of the path, in order: outward ones of `from` first, inward ones of `to` last. Empty for
    /// from = to.
    [[nodiscard]] std::vector<LinkId> route(ChipIndex from, ChipIndex to) const;
    [[nodiscard]] TopologyLink const& link(LinkId id) const;
    [[nodiscard]] std::size_t links() const;
    /// The chips whose traffic uses an outward (inward) link when it goes out (comes in), ascending; of a through
    /// link the chips of its router.
    [[nodiscard]] std::vector<ChipIndex> const& chips_behind(LinkId link) const;
    /// Of a torus: hops on the way, by the links of the own router that go along the same dimension in the same
    /// direction, where both ways round are as long half by each. What a rank that all others are like puts on its
    /// own router's links, its own traffic and that which passes through. Empty elsewhere.
    [[nodiscard]] std::vector<std::pair<LinkId, double>> own_hops(ChipIndex from, ChipIndex to) const;
    /// Latency of the path, all links together.
    [[nodiscard]] Seconds latency(ChipIndex from, ChipIndex to) const;

    /// Max-flow between the first and the second half of a pool's chips (Boost.Graph), each way.
    [[nodiscard]] BytesPerSecond bisection(PoolId id) const;

  private:
    struct Graph;
    std::unique_ptr<Graph> graph_;
};

} // namespace moesaic::hardware
