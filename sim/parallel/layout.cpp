#include "parallel/layout.hpp"

#include "base/errors.hpp"

#include <fmt/format.h>
#include <numeric>

namespace moesaic::parallel {

std::vector<StagePlace> place_stages(Plan const& plan, hardware::Topology const& topology) {
    std::vector<StagePlace> out;
    std::vector<std::int64_t> used; // chips taken, by pool
    auto const take = [&](int pool, std::int64_t ranks) {
        auto const at = static_cast<std::size_t>(pool);
        used.resize(std::max(used.size(), at + 1), 0);
        auto const first = topology.first_chip(PoolId{pool}).index() + used[at];
        used[at] += ranks;
        return RankSet{ChipIndex{first}, 1, ranks};
    };
    for (int k = 0; k < static_cast<int>(plan.kinds.size()); ++k) {
        auto const& kind = plan.kinds[static_cast<std::size_t>(k)];
        int stage = 0;
        for (auto const& group : kind.stage_groups) {
            for (int i = 0; i < group.stages; ++i) {
                out.push_back(
                    {k, stage++, &group, PoolId{group.pool}, take(group.pool, ranks_of_stage(kind, group))});
            }
        }
    }
    auto const stages = out; // with attention
    for (int k = 0; k < static_cast<int>(plan.kinds.size()); ++k) {
        auto const& apart = plan.kinds[static_cast<std::size_t>(k)].apart;
        for (int p = 0; apart && p < static_cast<int>(apart->places.size()); ++p) {
            auto const& [pool, ranks] = std::pair{apart->places[static_cast<std::size_t>(p)].pool,
                                                  apart->places[static_cast<std::size_t>(p)].ranks};
            for (auto const& stage : stages) {
                if (stage.kind == k) {
                    out.push_back({k, stage.stage, stage.group, PoolId{pool}, take(pool, ranks), p});
                }
            }
        }
    }
    return out;
}

Groups groups_of(ReplicaKind const& kind, StagePlace const& place) {
    auto const first = place.ranks.first;
    RankSet const alone{first, 1, 1};
    if (place.experts_at) {
        auto const each = place.ranks.count / kind.apart->groups;
        return {alone, alone, alone, alone, {first, each, kind.apart->groups}, alone};
    }
    std::int64_t const tensor = place.group->tensor;
    if (kind.apart) { // of the experts that attention ranks hold too
        auto const each = place.ranks.count / kind.apart->groups;
        return {.tensor = {first, 1, tensor},
                .context = {first, tensor, kind.context},
                .data = {first, tensor, place.ranks.count / tensor},
                .expert = alone,
                .expert_data = {first, each, kind.apart->groups},
                .expert_tensor = alone};
    }
    std::int64_t const shared = kind.expert_tensor;
    std::int64_t const span = shared * kind.expert; // ranks that hold all experts once
    return {.tensor = {first, 1, tensor},
            .context = {first, tensor, kind.context},
            .data = {first, tensor, place.ranks.count / tensor},
            .expert = {first, shared, kind.expert},
            .expert_data = {first, span, place.ranks.count / span},
            .expert_tensor = {first, 1, shared}};
}

ShardGroups shard_groups(Plan const& plan, RankSet const& group) {
    auto const size = plan.shard_group > 0 && plan.shard_group < group.count ? plan.shard_group : group.count;
    return {.shard = {group.first, group.stride, size},
            .copies = {group.first, group.stride * size, group.count / size}};
}

namespace {

std::vector<LayerRange> ranges_of(std::vector<int> const& counts) {
    std::vector<LayerRange> out;
    int begin = 0;
    for (int const n : counts) {
        out.push_back({begin, begin + n});
        begin += n;
    }
    return out;
}

/// Differing by at most one; the layers short of a full round are taken from the last parts first, then from the first.
std::vector<int> balanced(int layers, int parts) {
    std::vector<int> counts(static_cast<std::size_t>(parts), (layers + parts - 1) / parts);
    int excess = std::accumulate(counts.begin(), counts.end(), 0) - layers;
    for (int low = 0, high = parts - 1; excess > 0; --excess) {
        bool const from_end = (high - (parts - 1)) + low == 0; // take turns: last, first, last but one, …
        --counts[static_cast<std::size_t>(from_end ? high-- : low++)];
    }
    return counts;
}

/// Embedding and head as a layer each; a remainder goes to the middle, as in balanced().
std::vector<int> with_ends(ReplicaKind const& kind, int layers, int parts) {
    if (parts < 2) {
        return {layers};
    }
    if (layers + 2 < parts) {
        throw InputError{
            kind.origin,
            fmt::format("{} layers and the two ends are too few for {} stages x chunks", layers, parts)};
    }
    auto counts = balanced(layers + 2, parts);
    --counts.front();
    --counts.back();
    return counts;
}

} // namespace

std::vector<LayerRange> split_layers(Plan const& plan, ReplicaKind const& kind, int layers) {
    int const stages = stages_of(kind);
    int const parts = parts_of(plan.schedule, stages);
    std::vector<int> listed;
    for (auto const& group : kind.stage_groups) {
        auto const here = static_cast<int>(group.layers.size());
        if (parts == stages && here != 0 && here != group.stages) {
            throw InputError{
                group.origin,
                fmt::format("layers of {} parts are listed for {} stages of one each", here, group.stages)};
        }
        listed.insert(listed.end(), group.layers.begin(), group.layers.end());
    }
    if (!listed.empty()) {
        if (parts > stages && kind.stage_groups.size() > 1) {
            throw InputError{kind.origin,
                             "layers of several groups of stages with several chunks each cannot be listed",
                             "Leave `layers` out, so that layer_split spreads them"};
        }
        int const sum = std::accumulate(listed.begin(), listed.end(), 0);
        if (static_cast<int>(listed.size()) != parts || sum != layers) {
            throw InputError{
                kind.origin,
                fmt::format("the stages list {} layers in {} parts, but the model has {} layers for {} parts "
                            "(stages x chunks)",
                            sum, listed.size(), layers, parts)};
        }
        return ranges_of(listed);
    }
    if (plan.layer_split == LayerSplit::with_ends) {
        return ranges_of(with_ends(kind, layers, parts));
    }
    if (layers < parts) {
        throw InputError{kind.origin,
                         fmt::format("{} layers are too few for {} stages x chunks", layers, parts)};
    }
    if (layers % parts != 0 && plan.layer_split == LayerSplit::even) {
        throw InputError{kind.origin,
                         fmt::format("{} layers do not divide evenly over {} stages x chunks", layers, parts),
                         "Set layer_split = \"balanced\", or list the layers of each stage"};
    }
    return ranges_of(balanced(layers, parts));
}

} // namespace moesaic::parallel
