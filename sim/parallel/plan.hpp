#pragma once
#include "base/dtype.hpp"
#include "base/errors.hpp"
#include "base/units.hpp"
#include "io/toml.hpp"
#include "model/shard.hpp"
#include "parallel/schedule.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::parallel {

/// What is computed again in the backward pass instead of being kept.
///   none       nothing
///   selective  core attention (Korthikanti et al. 2022, section 5), norms and the gated activation
///   full       the whole layer, its communication included; only the layer's input is kept
enum class Recompute { none, selective, full };
[[nodiscard]] std::string_view name_of(Recompute recompute);

/// Consecutive pipeline stages that are alike and lie on one pool.
struct StageGroup {
    int pool = 0;
    int stages = 1;
    int tensor = 1; ///< tensor parallel degree, sequence parallel where above 1
    Recompute recompute = Recompute::none;
    model::Precision precision;
    /// Layers of each stage; empty = by Plan::layer_split over all stages of the replica kind.
    std::vector<int> layers;
    Origin origin;
};

/// Replicas (copies of the model) that are alike. Experts are spread over `expert` ranks among all ranks of a
/// stage of this kind (tensor x replicas), `expert_tensor` ranks share one expert.
struct ReplicaKind {
    std::string name;
    int replicas = 1; ///< data parallel degree of the kind
    int expert = 1;
    int expert_tensor = 1;
    int micro_batch = 1;              ///< sequences
    std::optional<int> micro_batches; ///< per replica and step; none = by speed over the kinds
    std::vector<StageGroup> stage_groups;
    Origin origin;
};

enum class LayerSplit {
    even,    ///< the same number in each stage (and chunk); an error where it does not divide
    balanced ///< differing by at most one, the stages with embedding and head get fewer
};

/// How the training is laid out.
struct Plan {
    std::vector<ReplicaKind> kinds;
    Schedule schedule = OneFOneB{};
    LayerSplit layer_split = LayerSplit::even;
    int zero =
        1; ///< 0 = every rank keeps the whole optimizer state, 1 = sharded over the data parallel ranks
    bool overlap_gradients = true;       ///< reduce-scatter of a layer runs behind the last backward
    bool overlap_parameters = true;      ///< all-gather of updated parameters runs behind the first forward
    bool overlap_shared_experts = false; ///< the shared expert computes while the tokens travel
    Dtype gradient = Dtype::fp32;        ///< format in which gradients are summed and sent
    Bytes memory_reserve{4.0 *
                         bytes_per_gib}; ///< context, communication library, fragmentation; an assumption
    double expert_imbalance = 1.0;       ///< rows of the busiest expert rank over the mean
    Origin origin;
};

[[nodiscard]] int stages_of(ReplicaKind const& kind);
/// Ranks of one stage of the group: tensor x replicas.
[[nodiscard]] int ranks_of_stage(ReplicaKind const& kind, StageGroup const& group);
[[nodiscard]] int chips_of(ReplicaKind const& kind);

/// What the plan reader must know of the rest of the scenario.
struct PlanContext {
    std::vector<std::string> pool_names;
    std::vector<int> pool_chips;
    int global_batch = 0;       ///< sequences per step
    model::Precision precision; ///< default of all stages
};

/// Reads [parallel]. Degrees that do not divide, pools that are unknown or over-used are errors with
/// position.
[[nodiscard]] Plan read_plan(io::TomlTable const& table, PlanContext const& context);
/// `precision` (of the layers' matrix products) and `dispatch_precision` (of tokens on their way to the experts).
[[nodiscard]] model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise);

} // namespace moesaic::parallel
