#include "engine/transfers.hpp"

#include "base/errors.hpp"
#include "engine/rank_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesaic::engine {

using hardware::Tier;
using timing::CollectiveKind;

namespace {

constexpr int most_parts = 32;
constexpr double most_uses = 256.0;
constexpr double whole = 1e-9; ///< relative distance from a whole multiple

bool whole_multiple(double ratio) {
    return std::abs(ratio - std::round(ratio)) <= whole * std::max(1.0, ratio);
}

int uses_of(double times, double unit) {
    auto const ratio = times / unit;
    return static_cast<int>(whole_multiple(ratio) ? std::round(ratio) : std::ceil(ratio));
}

} // namespace

double common_unit(std::vector<double> const& times) {
    auto const least = *std::ranges::min_element(times);
    auto const most = *std::ranges::max_element(times);
    for (int parts = 1; parts <= most_parts && most / least * parts <= most_uses; ++parts) {
        auto const unit = least / parts;
        if (std::ranges::all_of(times, [unit](double t) { return whole_multiple(t / unit); })) {
            return unit;
        }
    }
    return std::max(least / most_parts, most / most_uses);
}

parallel::RankClass const& Transfers::class_of(int cell) const {
    return context_.program.classes[context_.folding.cells[cell].rank_class];
}

int Transfers::add(parallel::Collective const& collective, int cell) {
    auto const& group = collective.group;
    Carried const carried{collective.kind, collective.bytes, collective.algorithm, collective.tokens};
    CollectiveKey const key{cell,         carried,    pattern_of(collective), group.first.index(),
                            group.stride, group.count};
    auto const [at, is_new] = collectives_.try_emplace(key, static_cast<int>(transfers_.size()));
    if (is_new) {
        transfers_.emplace_back();
        if (collective.group.count > 1 && collective.bytes.value() > 0.0) {
            auto const& own = context_.folding.cells[cell];
            plan(at->second, carried,
                 lower(collective, class_of(cell), context_.traffic.of(collective, own.rank_class),
                       {own.representative, own.ranks}, context_.topology));
        }
    }
    return at->second;
}

namespace {

/// The ranks of both sides of a group, in order.
std::vector<ChipIndex> all_of_group(parallel::RankSet const& from, parallel::RankSet const& to,
                                    std::int64_t group, int groups) {
    std::vector<ChipIndex> all;
    for (auto const* side : {&from, &to}) {
        auto const each = side->count / groups;
        for (std::int64_t i = 0; i < each; ++i) {
            all.push_back(member(*side, group * each + i));
        }
    }
    std::ranges::sort(all);
    auto const twice = std::ranges::unique(all); // a class that sends to itself
    all.erase(twice.begin(), twice.end());
    return all;
}

/// Of ranks in order.
std::int64_t nodes_of(std::vector<ChipIndex> const& ranks, hardware::Topology const& topology) {
    std::int64_t nodes = 1;
    for (std::size_t i = 1; i < ranks.size(); ++i) {
        nodes += topology.tier(ranks[i - 1], ranks[i]) > Tier::node ? 1 : 0;
    }
    return nodes;
}

} // namespace

/// @param part of the message's bytes that goes from a rank of the one cell to all its receivers in the other
int Transfers::add_to_group(parallel::Message const& message, int sender, int receiver, double part) {
    auto const& cells = context_.folding.cells;
    auto const& topology = context_.topology;
    auto const source = cells[sender].representative;
    auto const bytes = message.bytes * part;
    MessageKey const key{sender, receiver, bytes.value(), source, source, message.groups};
    auto const [at, is_new] = messages_.try_emplace(key, static_cast<int>(transfers_.size()));
    if (!is_new) {
        return at->second;
    }
    transfers_.emplace_back();
    auto const& from = context_.program.classes[message.from.index()].members;
    auto const& to = context_.program.classes[message.to.index()].members;
    auto const place = static_cast<std::int64_t>(place_in(from, source));
    auto const receivers = receivers_of(place, from, to, message.groups);
    std::vector<ChipIndex> peers;
    ClassFlows::ToGroup all_sent{{}, static_cast<double>(from.count) / static_cast<double>(to.count), {}, {}};
    for (std::int64_t j = 0; j < receivers.count; ++j) {
        auto const rank = member(to, receivers.first + j);
        auto const tier = topology.tier(source, rank);
        auto const each = message.bytes * (1.0 / static_cast<double>(receivers.count));
        (tier <= Tier::node ? all_sent.inside : all_sent.across) += tier == Tier::self ? Bytes{} : each;
        if (context_.folding.of_chip[rank.index()] == receiver) {
            peers.push_back(rank);
        }
    }
    auto const per_receiver =
        static_cast<double>(cells[sender].ranks.size()) / static_cast<double>(cells[receiver].ranks.size());
    all_sent.receiver = peers.front();
    auto flows =
        lower(bytes, {{source, cells[sender].ranks}, {peers.front(), cells[receiver].ranks}, per_receiver},
              peers, topology);
    if (flows.empty() || bytes.value() <= 0.0) {
        return at->second;
    }
    auto const all = all_of_group(from, to, place / (from.count / message.groups), message.groups);
    auto const in_node =
        std::ranges::count_if(all, [&](ChipIndex rank) { return topology.tier(source, rank) <= Tier::node; });
    plan(at->second, {CollectiveKind::all_to_all, bytes, {}, {}},
         {std::move(flows), source, static_cast<std::int64_t>(all.size()), nodes_of(all, topology), in_node,
          all_sent});
    return at->second;
}

int Transfers::add(parallel::Message const& message, int sender, int receiver, double part) {
    if (message.groups > 0) {
        return add_to_group(message, sender, receiver, part);
    }
    auto const& cells = context_.folding.cells;
    auto const& of_chip = context_.folding.of_chip;
    auto source = message.source;
    auto destination = message.destination;
    if (of_chip[source.index()] != sender || of_chip[destination.index()] != receiver) {
        source = cells[sender].representative;
        destination = partner_of(source, message, receiver);
    }
    auto const bytes = message.bytes * part;
    MessageKey const key{sender, receiver, bytes.value(), source, destination, 0};
    auto const [at, is_new] = messages_.try_emplace(key, static_cast<int>(transfers_.size()));
    if (is_new) {
        transfers_.emplace_back();
        if (source != destination && bytes.value() > 0.0) {
            auto const& from = cells[sender].ranks;
            auto const& to = cells[receiver].ranks;
            auto const per_receiver = static_cast<double>(from.size()) / static_cast<double>(to.size());
            auto flow = lower(bytes, {{source, from}, {destination, to}, per_receiver}, context_.topology);
            auto const nodes = flow.tier == Tier::node ? 1 : 2;
            plan(at->second, {CollectiveKind::send_recv, bytes, {}, {}},
                 {{std::move(flow)}, source, 2, nodes, 2, std::nullopt});
        }
    }
    return at->second;
}

/// The rank of the receiving cell that the sender sends to.
ChipIndex Transfers::partner_of(ChipIndex source, parallel::Message const& message, int receiver) const {
    auto const& from = context_.program.classes[message.from.index()].members;
    auto const& to = context_.program.classes[message.to.index()].members;
    auto const receivers = receivers_of(static_cast<std::int64_t>(place_in(from, source)), from, to);
    for (std::int64_t j = 0; j < receivers.count; ++j) {
        auto const rank = member(to, receivers.first + j);
        if (context_.folding.of_chip[rank.index()] == receiver) {
            return rank;
        }
    }
    throw BugError{"a rank sends to the cell that its cell sends to"};
}

/// On the first links like its own, where the flows of all cells meet that share such links.
ClassFlow Transfers::with_types(ClassFlow flow) {
    for (auto& use : flow.uses) {
        use.link = types_.first_like(use.link);
    }
    return flow;
}

void Transfers::plan(int transfer, Carried const& carried, ClassFlows const& flows) {
    plan_side(transfer, carried, flows, true);
    plan_side(transfer, carried, flows, false);
}

timing::CollectiveCost Transfers::cost_of(Carried const& carried, ClassFlows const& flows,
                                          Side const& side) const {
    auto const& node = context_.topology.pool(context_.topology.pool_of(flows.rank)).cluster.node;
    auto const& [kind, message, algorithm, tokens] = carried;
    auto const measured = [&](CollectiveKind like, Bytes sent) {
        return context_.timings.collective(node, like, side.tier, sent, side.ranks, side.nodes, tokens);
    };
    if (algorithm == timing::Algorithm::automatic || is_measured(algorithm, kind)) {
        return measured(kind, side.bytes);
    }
    constexpr Bytes next_to_nothing{1.0};
    return carried_out_by(algorithm, kind, {flows.ranks, flows.nodes}, node,
                          {message, side.bytes,
                           measured(rate_like(algorithm, kind), std::max(side.bytes, timing::shows_rate)),
                           measured(kind, next_to_nothing)});
}

/// Flows inside the node share what the kind attains there, those beyond it what it attains over the NIC, which is
/// the same for near and far peers: each flow has the part of its bytes.
void Transfers::plan_side(int transfer, Carried const& carried, ClassFlows const& flows, bool inside) {
    auto const on_side = [inside](ClassFlow const& flow) { return (flow.tier <= Tier::node) == inside; };
    auto tier = Tier::self;
    auto bytes = Bytes{0.0};
    auto far = Seconds{0.0};
    for (auto const& flow : flows.flows) {
        if (on_side(flow)) {
            tier = std::max(tier, flow.tier);
            bytes += flow.bytes;
            far = std::max(far, flow.far_latency);
        }
    }
    if (tier == Tier::self) {
        return;
    }
    auto const& topology = context_.topology;
    auto const& node = topology.pool(topology.pool_of(flows.rank)).cluster.node;
    auto const& kind = carried.kind;
    auto const& group = flows.to_group;
    auto const all_sent = !group ? bytes : inside ? group->inside : group->across;
    Side const side{tier, all_sent, static_cast<int>(inside ? flows.ranks_in_node : flows.ranks),
                    static_cast<int>(inside ? 1 : flows.nodes)};
    auto const cost = cost_of(carried, flows, side);
    auto attainable = cost.attainable;
    if (group) {
        auto const& other = topology.pool(topology.pool_of(group->receiver)).cluster.node;
        auto const there = context_.timings.collective(
            other, kind, tier, all_sent * group->senders_per_receiver, side.ranks, side.nodes);
        attainable = std::min(attainable, there.attainable / group->senders_per_receiver);
    }
    expects(attainable.value() > 0.0, "a collective attains some bandwidth");
    for (auto const& flow : flows.flows) {
        if (on_side(flow)) {
            planned_.push_back({transfer, with_types(flow), attainable * (flow.bytes / all_sent),
                                cost.startup + flow.far_latency});
        }
    }
    auto& out = transfers_[transfer];
    auto const alone = cost.startup + far + all_sent / attainable;
    if (alone >= out.alone) {
        out.alone = alone;
        out.evidence = cost.evidence;
        out.sigma = cost.sigma;
        out.key = fmt::format("{} {} {}", timing::name_of(kind), node.id, hardware::name_of(tier));
    }
}

int Transfers::resource_of(LinkId link, EventLoop& loop) {
    auto const [at, is_new] = link_resource_.try_emplace(link, 0);
    if (is_new) {
        auto const& properties = context_.topology.link(link);
        at->second = loop.add_resource(properties.name, properties.bandwidth.value() / unit_.at(link));
    }
    return at->second;
}

int Transfers::resource_of(ClassFlow const& side_by_side, EventLoop& loop) {
    auto const [at, is_new] = parallel_resource_.try_emplace(side_by_side.parallel, 0);
    if (is_new) {
        at->second = loop.add_resource("links side by side", side_by_side.parallel_bandwidth.value());
    }
    return at->second;
}

FlowSpec Transfers::spec_of(Planned const& planned, EventLoop& loop) {
    FlowSpec spec{
        {}, planned.flow.bytes.value(), planned.flow.weight, planned.latency.value(), planned.cap.value()};
    for (auto const& use : planned.flow.uses) {
        spec.uses.push_back({resource_of(use.link, loop), uses_of(use.times, unit_.at(use.link))});
    }
    if (!planned.flow.parallel.empty()) {
        spec.uses.push_back({resource_of(planned.flow, loop), 1});
    }
    return spec;
}

void Transfers::install(EventLoop& loop) {
    std::map<LinkId, std::vector<double>> times;
    for (auto const& planned : planned_) {
        for (auto const& use : planned.flow.uses) {
            times[use.link].push_back(use.times);
        }
    }
    for (auto const& [link, all] : times) {
        unit_[link] = common_unit(all);
    }
    for (auto const& planned : planned_) { // in the order of planning
        transfers_[planned.transfer].flows.push_back(loop.add_flow(spec_of(planned, loop)));
    }
}

std::vector<std::vector<LinkBytes>> Transfers::link_bytes() const {
    std::vector<std::vector<LinkBytes>> out(transfers_.size());
    for (auto const& planned : planned_) {
        auto& links = out[planned.transfer];
        for (auto const& use : planned.flow.uses) {
            links.push_back({use.link, planned.flow.bytes * use.times});
        }
        if (auto const& side_by_side = planned.flow.parallel; !side_by_side.empty()) {
            links.push_back(
                {side_by_side.front(), planned.flow.bytes / static_cast<double>(side_by_side.size())});
        }
    }
    return out;
}

void Transfers::slow_down(LinkId link, double factor, Seconds at, EventLoop& loop) {
    link = types_.first_like(link);
    auto const found = link_resource_.find(link);
    if (found != link_resource_.end()) {
        auto const bandwidth = context_.topology.link(link).bandwidth.value() / unit_.at(link);
        loop.change_bandwidth(at.value(), found->second, bandwidth * factor);
    }
}

} // namespace moesaic::engine
