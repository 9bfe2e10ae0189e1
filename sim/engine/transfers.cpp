#include "engine/transfers.hpp"

#include "base/errors.hpp"

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

int Transfers::add(parallel::Collective const& collective, parallel::RankClass const& rank_class,
                   int class_index) {
    auto const& group = collective.group;
    CollectiveKey const key{class_index,         collective.kind, collective.bytes.value(),
                            group.first.index(), group.stride,    group.count};
    auto const [at, is_new] = collectives_.try_emplace(key, static_cast<int>(transfers_.size()));
    if (is_new) {
        transfers_.emplace_back();
        auto const flows = lower(collective, rank_class, topology_);
        plan(at->second, flows.flows, collective.kind, flows);
    }
    return at->second;
}

int Transfers::add(parallel::Message const& message, parallel::Program const& program) {
    MessageKey const key{message.from, message.to, message.bytes.value(), message.source,
                         message.destination};
    auto const [at, is_new] = messages_.try_emplace(key, static_cast<int>(transfers_.size()));
    if (is_new) {
        transfers_.emplace_back();
        if (message.source != message.destination && message.bytes.value() > 0.0) {
            auto const flow = lower(message, program, topology_);
            plan(at->second, {flow}, CollectiveKind::send_recv,
                 {{flow}, message.source, 2, flow.tier == Tier::node ? 1 : 2, 2});
        }
    }
    return at->second;
}

/// Flows inside the node share what the kind attains there, those beyond it what it attains over the NIC, which is
/// the same for near and far peers: each flow has the part of its bytes.
void Transfers::plan(int transfer, std::vector<ClassFlow> const& flows, CollectiveKind kind,
                     ClassFlows const& shape) {
    auto const& node = topology_.pool(topology_.pool_of(shape.rank)).cluster.node;
    auto& out = transfers_[transfer];
    for (auto const inside : {true, false}) {
        auto tier = Tier::self;
        auto bytes = Bytes{0.0};
        for (auto const& flow : flows) {
            if ((flow.tier <= Tier::node) == inside) {
                tier = std::max(tier, flow.tier);
                bytes += flow.bytes;
            }
        }
        if (tier == Tier::self) {
            continue;
        }
        auto const ranks = static_cast<int>(inside ? shape.ranks_in_node : shape.ranks);
        auto const nodes = static_cast<int>(inside ? 1 : shape.nodes);
        auto const cost = timings_.collective(node, kind, tier, bytes, ranks, nodes);
        expects(cost.attainable.value() > 0.0, "a collective attains some bandwidth");
        auto far = Seconds{0.0};
        for (auto const& flow : flows) {
            if ((flow.tier <= Tier::node) == inside) {
                planned_.push_back({transfer, flow, cost.attainable * (flow.bytes / bytes),
                                    cost.startup + flow.far_latency});
                far = std::max(far, flow.far_latency);
            }
        }
        auto const alone = cost.startup + far + bytes / cost.attainable;
        if (alone >= out.alone) {
            out.alone = alone;
            out.evidence = cost.evidence;
            out.sigma = cost.sigma;
            out.key = fmt::format("{} {} {}", timing::name_of(kind), node.id, hardware::name_of(tier));
        }
    }
}

int Transfers::resource_of(LinkId link, EventLoop& loop) {
    auto const [at, is_new] = link_resource_.try_emplace(link, 0);
    if (is_new) {
        auto const& properties = topology_.link(link);
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
    for (auto const& planned : planned_) {
        transfers_[planned.transfer].flows.push_back(loop.add_flow(spec_of(planned, loop)));
    }
}

} // namespace moesaic::engine
