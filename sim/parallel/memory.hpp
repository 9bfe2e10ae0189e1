#pragma once
#include "base/ids.hpp"
#include "base/units.hpp"
#include "hardware/topology.hpp"
#include "model/model.hpp"
#include "parallel/layout.hpp"
#include "parallel/stage_setting.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::parallel {

/// Device memory of one rank by what it holds.
struct MemoryParts {
    Bytes weights;
    Bytes gradients;
    Bytes optimizer;
    Bytes activations; ///< at the peak of the schedule
    Bytes buffers;     ///< of communication and of the layer at work
    Bytes reserve;
    [[nodiscard]] Bytes total() const {
        return weights + gradients + optimizer + activations + buffers + reserve;
    }
};

struct ClassMemory {
    std::string name; ///< of the rank class
    std::string chip;
    PoolId pool;
    MemoryParts parts;
    Bytes capacity;
    [[nodiscard]] bool fits() const { return parts.total() <= capacity; }
};

/// What the memory of a stage depends on, apart from model and plan.
struct StageLoad {
    std::vector<ChunkContent> chunks; ///< of this stage
    std::vector<Slot> slots;          ///< its turns in a step
    int batches_in_turn = 1;          ///< micro-batches of a turn
};

/// Bytes that one layer keeps for its backward pass per micro-batch on one rank. Every tensor that a backward
/// kernel reads is counted once (the list of Korthikanti et al. 2022, section 4.1, with FlashAttention, grouped-query
/// attention and top-k experts; without fused attention the maps too).
[[nodiscard]] Bytes activation_bytes(StageSetting const& setting, int layer, Recompute recompute);
/// Bytes that a layer still keeps when the gradients of its inputs are done and those of its weights are not: of each
/// product its input and its output's gradient (Qi et al., arXiv 2401.10241, section 2.3).
[[nodiscard]] Bytes waiting_bytes(StageSetting const& setting, int layer);

/// Of the head and its loss, those of the MTP modules included; see LossMemory.
struct HeadBytes {
    Bytes kept;    ///< of a micro-batch until its backward, one set per module
    Bytes waiting; ///< from there until the gradients of its weights are done: see waiting_bytes()
    Bytes at_work; ///< logits and their gradient, of one module, that lie beside what is kept
};
[[nodiscard]] HeadBytes head_bytes(StageSetting const& setting);

/// What is held of one trained parameter, in bytes (Rajbhandari et al., arXiv 1910.02054, section 3.1).
struct StateBytes {
    double weight = 0;
    double gradient = 0;
    double optimizer = 0; ///< moments, and the fp32 master where the weight is not one
};
[[nodiscard]] StateBytes state_bytes(Plan const& plan, int zero, model::Precision const& precision);

[[nodiscard]] MemoryParts memory_of(StageSetting const& setting, StageLoad const& load);

/// Of the rank class that lacks most: "does not fit: stage 3 on nvidia_h20 needs 120.3 GiB of 96 GiB; largest: …".
/// none where everything fits
[[nodiscard]] std::optional<std::string> misfit(std::vector<ClassMemory> const& classes);

} // namespace moesaic::parallel
