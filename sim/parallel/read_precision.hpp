#pragma once
#include "io/toml.hpp"
#include "model/model.hpp"
#include "model/precision.hpp"

#include <vector>

namespace moesaic::parallel {

/// `precision` (of the layers' matrix products), `activations` (of all else), `dispatch_precision` (of tokens on their way to the
/// experts) and `attention_precision`.
[[nodiscard]] model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise);
/// `[training.wider]`: what has a wider format than `precision`.
/// @throws InputError for more layers than the model has
[[nodiscard]] model::Precision read_wider(io::TomlTable const& table, model::Precision precision,
                                          model::Model const& model);
/// @param used by the plan's stages and ranks with experts
/// @throws InputError for a format that is wider than the activations', and one that is nowhere wider than the other products'
void check_wider(io::TomlTable const& table, std::vector<model::Precision> const& used);

} // namespace moesaic::parallel
