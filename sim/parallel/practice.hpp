#pragma once
#include "base/units.hpp"
#include "io/toml.hpp"
#include "model/operation.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesaic::parallel {

/// The fastest that a software's attention kernels run on a chip alone, as shares of its 16-bit peak. The timings describe
/// the best kernels that there are.
struct AttentionLimit {
    std::string chip; ///< id; chips of one architecture are listed one by one
    double forward = 1.0;
    double backward = 1.0;
    friend bool operator==(AttentionLimit const&, AttentionLimit const&) = default;
};

/// What a software's kernels cost on one chip and not on others.
struct ChipPractice {
    std::string chip; ///< id
    /// Host time to launch the kernels of a layer with experts, forward and backward together; chips wait where they are
    /// faster. Recorded launches (CUDA graphs) cost none.
    Seconds host_moe_layer;
    /// Host time of one product where those of a group are calls of their own; zero = one kernel for all. Nothing hides it: the host has
    /// just learnt how many tokens each expert gets.
    Seconds product_call;
    /// Products in a format take so many times longer than the timings' own: another library multiplies.
    std::map<Dtype, double> products;
    std::map<model::OpKind, double> passes; ///< in place of Practice's
    friend bool operator==(ChipPractice const&, ChipPractice const&) = default;
};

/// What the kernels of a training software cost beyond those that the timings describe.
struct Practice {
    /// Software that is calibrated together: "megatron", "fsdp", …; empty = none of them.
    std::string stack;
    /// This is what runs; otherwise it stands for a software that nobody has described.
    bool is_known = false;
    /// Traffic of an operation as this software runs it, over that of one fused kernel; 1 where it is not listed.
    std::map<model::OpKind, double> passes;
    std::vector<AttentionLimit> attention;
    std::vector<ChipPractice> on; ///< chips that are not listed: as ChipPractice{}
    /// Gradients of micro-batches are added up inside the products; otherwise by a kernel that reads both.
    bool fused_gradient_sum = true;
    /// What kernels of their own move to copy, cast and scale gradients: of each parameter, whole, in every micro-batch.
    Bytes gradient_copies;
    /// The same once per step: gradients zeroed before it, looked through for values that are none after it.
    Bytes step_copies;
    /// Once per step where several replicas sum: gradients scaled before they are sent.
    Bytes averaging_copies;
    /// Of each parameter that a gather has brought (Plan::zero = 3), to copy it to its place.
    Bytes parameter_copies;
    /// Host time to launch the kernels of a layer without experts, forward and backward together.
    Seconds host_layer;
    /// Host time of a step in which chips wait, after the norm of the gradients: the optimizer's loop over tensors, logging, data.
    Seconds host_step;
    friend bool operator==(Practice const&, Practice const&) = default;
};

/// Reads what is there; the rest stays as it is. A chip's entries in `on` and `attention` go over those it had before.
void read_practice(io::TomlTable const& table, Practice& practice);

} // namespace moesaic::parallel
