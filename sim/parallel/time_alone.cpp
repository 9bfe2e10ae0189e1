#include "parallel/time_alone.hpp"

#include "base/overloaded.hpp"

#include <algorithm>
#include <array>
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
    if (c.kind != timing::CollectiveKind::all_to_all) {
        return nodes > 1 ? Sides{c.bytes, {}} : Sides{{}, c.bytes};
    }
    auto const n = static_cast<double>(c.group.count);
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
        auto const span = std::abs(c.group.stride) * c.group.count;
        auto const nodes = std::max<std::int64_t>(1, span / node.chips);
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

Seconds block_time(std::vector<BlockOp> const& ops, TimeAlone const& time) {
    std::array<Seconds, streams> free{};
    std::vector<Seconds> end(ops.size());
    Seconds last;
    for (std::size_t i = 0; i < ops.size(); ++i) {
        if (ops[i].detached || ops[i].early) {
            continue;
        }
        auto& stream = free[static_cast<std::size_t>(ops[i].stream)];
        for (int const before : ops[i].after) {
            stream = std::max(stream, end[static_cast<std::size_t>(before)]);
        }
        stream += time(ops[i]);
        end[i] = stream;
        last = std::max(last, stream);
    }
    return last;
}

} // namespace moesaic::parallel
