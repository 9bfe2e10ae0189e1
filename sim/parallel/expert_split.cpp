#include "parallel/expert_split.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

int of_layer(std::vector<int> const& numbers, int moe_layer) {
    return numbers.empty() ? 0 : numbers[static_cast<std::size_t>(moe_layer) % numbers.size()];
}

/// Of one MoE layer: what the places without a number hold each.
int left_per_rank(model::Moe const& moe, ReplicaKind const& kind, int attention_ranks, int moe_layer) {
    auto const& apart = *kind.apart;
    int given = of_layer(apart.on_attention, moe_layer) * (attention_ranks / apart.groups);
    int open_ranks = 0;
    for (auto const& place : apart.places) {
        int const ranks = place.ranks / apart.groups;
        given += of_layer(place.experts, moe_layer) * ranks;
        open_ranks += place.experts.empty() ? ranks : 0;
    }
    int const left = moe.experts - given;
    bool const fits = open_ranks == 0 ? left == 0 : left > 0 && left % open_ranks == 0;
    if (!fits) {
        throw InputError{
            apart.origin,
            fmt::format("of the {} experts of MoE layer {} the ranks of a group hold {}{}", moe.experts,
                        moe_layer, given,
                        open_ranks == 0
                            ? std::string{}
                            : fmt::format(", and the {} left do not divide over {} ranks", left, open_ranks)),
            "Ranks times experts_per_rank over all places, and on_attention_ranks, must give all "
            "experts once"};
    }
    return open_ranks == 0 ? 0 : left / open_ranks;
}

} // namespace

int moe_index(model::Model const& model, int layer) {
    return std::min(model::moe_layers_among(model, std::min(layer, model.layers)),
                    model::moe_layers(model) - 1); // those of MTP modules are like the last
}

ExpertSplit split_experts(model::Model const& model, ReplicaKind const& kind, StageGroup const& group) {
    auto const& apart = *kind.apart;
    expects(!apart.by_speed, "experts by speed are settled first");
    if (!model.moe) {
        throw InputError{apart.origin, "the model has no experts to put on ranks of their own"};
    }
    ExpertSplit out;
    out.places.resize(apart.places.size());
    for (int layer = 0; layer < moe_layers(model); ++layer) {
        int const left = left_per_rank(*model.moe, kind, ranks_of_stage(kind, group), layer);
        out.attention.push_back(of_layer(apart.on_attention, layer));
        for (std::size_t p = 0; p < apart.places.size(); ++p) {
            auto const& numbers = apart.places[p].experts;
            out.places[p].push_back(numbers.empty() ? left : of_layer(numbers, layer));
        }
    }
    return out;
}

} // namespace moesaic::parallel
