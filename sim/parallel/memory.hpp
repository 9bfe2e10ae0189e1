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
