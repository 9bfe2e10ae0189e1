#pragma once
#include "base/units.hpp"
#include "model/model.hpp"

#include <optional>
#include <string_view>

namespace moesaic::model {

/// How attention is counted. full_square: every query sees every key (of its window), as Megatron-LM and
/// llm-foundry count and most published TFLOP/s are said; causal_half: only the pairs that a causal mask keeps, as the
/// kernels work.
enum class FlopConvention { causal_half, full_square };
[[nodiscard]] std::string_view name_of(FlopConvention convention);
[[nodiscard]] std::optional<FlopConvention> find_flop_convention(std::string_view name);

/// Model FLOP of one token, forward: 2 per weight of the products that the token passes (head included,
/// embedding look-up not) and the attention of its sequence. MTP modules count, with their heads. Narayanan
/// et al. (SC21, section 5.1), widened to grouped and latent attention, gated FFN and experts.
[[nodiscard]] Flop forward_flop_per_token(Model const& model, int sequence_length, FlopConvention convention);
/// Forward and backward: three times forward; recomputed work does not count.
[[nodiscard]] Flop training_flop_per_token(Model const& model, int sequence_length,
                                           FlopConvention convention);
/// The same where low-rank adapters of the attention's projections alone are trained (Hu et al. 2021): products with
/// frozen weights have no weight gradient, so that they count twice; attention, which has no weights, and the adapters'
/// own products three times.
[[nodiscard]] Flop adapting_flop_per_token(Model const& model, int sequence_length, FlopConvention convention,
                                           int rank);

} // namespace moesaic::model
