#include "parallel/time_alone.hpp"

#include "base/overloaded.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

namespace moesaic::parallel {

namespace {

/// What a rank sends beyond its node and inside it.
struct Sides {
    Bytes beyond, inside;
};

Sides sides_of(Collective const& c, double nodes, double in_node) {
    auto const n = static_cast<double>(c.group.count);
    if (c.kind != timing::CollectiveKind::all_to_all) { // a ring through each place of the nodes
        auto const sent = c.bytes * timing::rank_bytes_per_byte(c.kind, static_cast<int>(c.group.count));
        return nodes > 1 ? Sides{sent / in_node, sent * ((in_node - 1.0) / in_node)} : Sides{{}, sent};
    }
    if (!c.once_per_node) {
        return {c.bytes * ((n - in_node) / n), c.bytes * ((in_node - 1.0) / n)};
    }
    auto const tokens = c.bytes / static_cast<double>(c.once_per_node->topk);
    return {tokens * (model::nodes_per_token(*c.once_per_node, nodes) * (nodes - 1.0) / nodes),
            tokens * (model::distinct_holders(*c.once_per_node, n) * (in_node - 1.0) / in_node)};
}

class Alone {
  public:
    Alone(hardware::Topology const& topology, timing::Timings const& timings, PoolId pool)
        : topology_{topology}, timings_{timings}, pool_{pool} {}

    Seconds of(Collective const& c) {
        std::tuple const key{c.kind,   c.bytes.value(), c.once_per_node,
                             c.tokens, c.group.stride,  c.group.count};
        auto const [at, is_new] = known_.try_emplace(key);
        if (is_new) {
            at->second = compute(c);
        }
        return at->second;
    }

  private:
    [[nodiscard]] Seconds compute(Collective const& c) const {
        auto const& node = topology_.pool(pool_).cluster.node;
        auto const last = ChipIndex{c.group.first.index() + c.group.stride * (c.group.count - 1)};
        auto const tier = topology_.tier(c.group.first, last);
        auto const stride = std::max<std::int64_t>(1, std::abs(c.group.stride));
        auto const room = std::max<std::int64_t>(1, node.chips / stride); // for ranks of the group in a node
        auto const nodes = (c.group.count + room - 1) / room;
        auto const in_node = std::max<std::int64_t>(1, c.group.count / nodes);
        auto const [beyond, inside] = sides_of(c, static_cast<double>(nodes), static_cast<double>(in_node));
        auto const side = [&](Bytes bytes, hardware::Tier to, std::int64_t ranks, std::int64_t over) {
            if (bytes.value() <= 0.0) {
                return Seconds{};
            }
            auto const cost = timings_.collective(node, c.kind, to, bytes, static_cast<int>(ranks),
                                                  static_cast<int>(over), c.tokens);
            return cost.startup + bytes / cost.attainable;
        };
        return std::max(side(beyond, tier, c.group.count, nodes),
                        side(inside, hardware::Tier::node, in_node, 1));
    }

    hardware::Topology const& topology_;
    timing::Timings const& timings_;
    PoolId pool_;
    std::map<std::tuple<timing::CollectiveKind, double, std::optional<model::TokenSpread>,
                        std::optional<timing::TokenExchange>, std::int64_t, std::int64_t>,
             Seconds>
        known_;
};

} // namespace

TimeAlone time_alone(hardware::Topology const& topology, timing::Timings const& timings, PoolId pool) {
    return [alone = std::make_shared<Alone>(topology, timings, pool)](BlockOp const& op) {
        return std::visit(overloaded{[](Compute const& c) { return c.duration.time; },
                                     [&](Collective const& c) { return alone->of(c); }},
                          op.work);
    };
}

} // namespace moesaic::parallel
