#include "parallel/replica_kind.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesaic::parallel {

Recompute recompute_of(StageGroup const& group, model::Model const& model, int layer) {
    if (group.recompute_share >= 1.0) {
        return group.recompute;
    }
    // kind after kind, so that what is left over of a kind counts for the next
    int before = 0;
    int const kind = model::kind_of_layer(model, layer);
    for (int other = 0; other < std::max(layer, model.layers); ++other) {
        int const its = model::kind_of_layer(model, other);
        before += its < kind || (its == kind && other < layer) ? 1 : 0;
    }
    auto const up_to = [&](int layers) { return std::floor(layers * group.recompute_share + 1e-9); };
    return up_to(before + 1) > up_to(before) ? group.recompute : Recompute::none;
}

int stages_of(ReplicaKind const& kind) {
    return std::accumulate(kind.stage_groups.begin(), kind.stage_groups.end(), 0,
                           [](int sum, StageGroup const& g) { return sum + g.stages; });
}

int ranks_of_stage(ReplicaKind const& kind, StageGroup const& group) {
    return group.tensor * kind.context * kind.replicas;
}

int expert_ranks_of_stage(ReplicaKind const& kind) {
    int sum = 0;
    if (kind.apart) {
        for (auto const& place : kind.apart->places) {
            sum += place.ranks;
        }
    }
    return sum;
}

int expert_spread(ReplicaKind const& kind) {
    int const ranks = expert_ranks_of_stage(kind) / kind.apart->groups;
    bool const on_attention = std::ranges::any_of(kind.apart->on_attention, [](int n) { return n > 0; });
    return ranks + (on_attention ? ranks_of_stage(kind, kind.stage_groups.front()) / kind.apart->groups : 0);
}

int chips_of(ReplicaKind const& kind) {
    return std::accumulate(
        kind.stage_groups.begin(), kind.stage_groups.end(), 0, [&](int sum, StageGroup const& g) {
            return sum + g.stages * (ranks_of_stage(kind, g) + expert_ranks_of_stage(kind));
        });
}

} // namespace moesaic::parallel
