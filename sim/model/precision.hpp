#pragma once
#include "base/dtype.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace moesaic::model {

struct Model;

/// Matrix products that may have a wider format than the others.
enum class ProductPart {
    attention,      ///< projections to queries, keys and values and of the output; all of latent attention's
    linear_in,      ///< what linear attention projects in, its gates too
    linear_out,     ///< the projection of its output
    ffn,            ///< of dense layers
    experts,        ///< routed
    shared_experts, ///< shared
    latent,         ///< to latent experts and back
    mtp             ///< the MTP modules as a whole
};
constexpr std::size_t product_parts = 8;

/// Number formats of the work. The router and the head keep the activations' format.
struct Precision {
    Dtype activations = Dtype::bf16;
    Dtype gemm = Dtype::bf16;       ///< narrower than the activations: their inputs are quantised first
    Dtype dispatch = Dtype::bf16;   ///< of tokens sent to experts, forward only
    std::optional<Dtype> attention; ///< of scores and values; none = the activations'
    /// By ProductPart: of its products where it is wider than `gemm`, of which a pool may have another than the rest.
    std::array<std::optional<Dtype>, product_parts> wider{};
    /// So many layers at either end do all in the activations' format (Megatron-LM's num-layers-at-start-in-bf16 and
    /// num-layers-at-end-in-bf16).
    int first_wide = 0, last_wide = 0;
    friend bool operator==(Precision const&, Precision const&) = default;
};

[[nodiscard]] bool is_narrow(Dtype dtype, Precision const& precision);
[[nodiscard]] Dtype format_of(Precision const& precision, ProductPart part);
/// What holds in one layer, with nothing left that depends on its place; again in the same layer it changes nothing.
/// @param layer from 0; those of MTP modules come after the model's
[[nodiscard]] Precision precision_of_layer(Precision const& precision, Model const& model, int layer);
/// Layers of one kind (kind_of_layer()) with the same number have the same formats.
[[nodiscard]] int formats_of_layer(Precision const& precision, Model const& model, int layer);
/// Some products have a wider format than `gemm`.
[[nodiscard]] bool has_wider(Precision const& precision);

} // namespace moesaic::model
