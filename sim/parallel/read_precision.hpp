#pragma once
#include "io/toml.hpp"
#include "model/model.hpp"
#include "model/precision.hpp"

namespace moesaic::parallel {

/// `precision` (of the layers' matrix products), `activations` (of all else), `dispatch_precision` (of tokens on their way to the
/// experts) and `attention_precision`.
[[nodiscard]] model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise);
/// `[training.wider]`: what has a wider format than `precision`.
/// @throws InputError for a format that is narrower than `precision`, and more layers than the model has
[[nodiscard]] model::Precision read_wider(io::TomlTable const& table, model::Precision precision,
                                          model::Model const& model);

} // namespace moesaic::parallel
