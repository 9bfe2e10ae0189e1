#pragma once
#include "model/layer_operations.hpp"

namespace moesaic::model {

/// The norm before a layer's attention, and what latent attention compresses before tensor ranks gather it.
[[nodiscard]] Operations mixing_norm_operations(Model const& model, Mixer const& mixer,
                                                LayerShape const& shape);
/// Columns that tensor ranks gather before attention: hidden, or what latent attention compresses to.
[[nodiscard]] int gathered_columns(Model const& model, Mixer const& mixer);
/// Projections in, attention of the mixer's kind, projection out.
[[nodiscard]] Operations mixing_operations(Model const& model, int layer, Mixer const& mixer,
                                           LayerShape const& shape);

} // namespace moesaic::model
