#include "timing/smoothness.hpp"

namespace moesaic::timing {

namespace {

Smoothness const products{
    .metric = {0.7, 0.8, 0.8, 0.8, 1, 1}, .same_first = 0.02, .same_rest = 0.03, .neighbours = 28};
Smoothness const expert_ffns{.metric = {0.6, 0.8, 0.8, 0.8, 0.5, 0.5},
                             .length = 3,
                             .amplitude = 0.2,
                             .along_first = 0.1,
                             .same_rest = 0.2,
                             .neighbours = 40};
Smoothness const attentions{
    .metric = {0.8, 0.8, 1, 0.5, 0.5, 0.3}, .length = 4, .amplitude = 0.2, .noise = 0.007};
/// Blocks of positions run side by side, so that few heads, and few positions, fill no chip.
Smoothness const linear_attentions{
    .metric = {0.8, 0.8, 0.8, 0.8, 0.5, 0.3}, .length = 4, .amplitude = 0.2, .noise = 0.02, .launch = 15e-6};
Smoothness const memory_bounds{.noise = 0.012};
Smoothness const collectives{.metric = {1, 3, 3, 1, 1, 1}, .length = 3, .noise = 0.015, .launch = 15e-6};
/// One node and several are far apart.
Smoothness const exchanges{.metric = {0.8, 1, 1, 1.5, 0.5, 3}, .launch = 15e-6};

} // namespace

Smoothness const& smoothness_of(Family family) {
    switch (family) {
    case Family::product:
        return products;
    case Family::moe_ffn:
        return expert_ffns;
    case Family::attention:
        return attentions;
    case Family::linear:
        return linear_attentions;
    case Family::collective:
        return collectives;
    case Family::exchange:
        return exchanges;
    case Family::memory_bound:
    case Family::whole_model:
        break;
    }
    return memory_bounds;
}

Coordinates scaled(Coordinates at, Smoothness const& smoothness) {
    for (std::size_t i = 0; i < at.size(); ++i) {
        at[i] *= smoothness.metric[i];
    }
    return at;
}

} // namespace moesaic::timing
