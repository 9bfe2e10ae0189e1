#pragma once
#include "base/random.hpp"
#include "io/toml.hpp"
#include "model/model.hpp"
#include "model/routing_preset.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace moesaic::model {

/// Every expert gets as many tokens.
struct BalancedLoad {};
/// The i-th busiest expert gets tokens in proportion to i^-exponent.
struct ZipfLoad {
    double exponent = 0;
};
/// Shares drawn from a symmetric Dirichlet distribution, anew for each layer; the larger the concentration the more
/// even.
struct DirichletLoad {
    double concentration = 1;
};
/// Loads that follow a log-normal distribution, as wide as gives this Gini coefficient. The shape is an assumption:
/// what is published of real routers is the coefficient.
struct GiniLoad {
    double gini = 0;
};
/// Tokens that a router was seen to send to each expert, by layer; the model's layers take them in turn.
struct MeasuredLoad {
    std::vector<std::vector<double>> layers;
};
using ExpertLoad = std::variant<BalancedLoad, ZipfLoad, DirichletLoad, GiniLoad, MeasuredLoad>;

/// How a router spreads the tokens of a micro-batch over the experts.
struct Routing {
    ExpertLoad load = BalancedLoad{};
    /// Tokens that an expert takes at most, over the mean; what is beyond is dropped. None = nothing is dropped.
    std::optional<double> capacity_factor;
};

/// Gini coefficient: 0 where all are equal, near 1 where one has all.
[[nodiscard]] double gini_of(std::span<double const> loads);
/// Tokens of each expert over the mean, busiest first but for measured and drawn ones. @param layer of the MoE layers
[[nodiscard]] std::vector<double> expert_loads(ExpertLoad const& load, int layer, int experts, Rng& rng);
/// Rows of the busiest of `ranks` ranks over those of a balanced one, averaged over the MoE layers: each layer waits
/// for its own busiest rank. Experts lie on the ranks in order where measured, otherwise shuffled for each layer.
[[nodiscard]] double rank_imbalance(Routing const& routing, Model const& model, int ranks,
                                    std::uint64_t seed);
/// The same over ranks that hold unlike numbers of experts: rows of a rank over what its experts would have at equal
/// loads. @param experts of each rank, by MoE layer
[[nodiscard]] double rank_imbalance(Routing const& routing, Model const& model,
                                    std::vector<std::vector<int>> const& experts, std::uint64_t seed);

/// What further copies of busy experts make of the ranks' loads; means over the MoE layers.
struct Redundancy {
    double imbalance = 1.0;     ///< rows of the busiest rank over the mean of the ranks
    double copied_per_rank = 0; ///< experts of a rank that others hold too
    double copies = 1.0;        ///< of an expert that has more than one
};
/// `copies` beyond one of each expert go one by one to the expert with most tokens per copy, whose copies share its tokens
/// equally; then the copies go, busiest first, to the rank with least to do that has a place and, where it can be, no
/// copy of the same expert (DeepSeek's EPLB, github deepseek-ai/EPLB, without its groups of nodes).
/// @param copies with the experts a multiple of the ranks
[[nodiscard]] Redundancy copy_busy_experts(Routing const& routing, Model const& model, int ranks, int copies,
                                           std::uint64_t seed);

/// Reads [routing]: kind = "balanced", "zipf" (exponent), "dirichlet" (concentration), "gini" (gini or preset) or
/// "measured" (file: a CSV with the columns layer, expert and tokens), and capacity_factor.
/// @param folder that `file` is relative to
/// @param presets that `preset` may name, asked for where it names one
[[nodiscard]] Routing read_routing(io::TomlTable const& table, Model const& model, std::string const& folder,
                                   std::function<std::vector<RoutingPreset> const&()> const& presets);

} // namespace moesaic::model
