#pragma once
#include "timing/kernel_time.hpp"

#include <string>
#include <vector>

namespace moesaic::timing {

/// A shape near the one that is asked for.
struct NearShape {
    std::string shape;   ///< "4096 x 7168 x 2048"
    std::string source;  ///< "deepgemm-readme, H800-SXM, deepgemm"
    double distance = 0; ///< in scaled log2 of the sizes; 0 = this very shape
    bool condensed = false;
};

/// A kernel that an operation asks for, and what its time rests on.
struct KernelEvidence {
    Kernel kernel;
    Duration duration;
    std::string source;
    bool measured = false; ///< this very kernel is, on this chip; its pass may still be derived from it
    std::vector<NearShape> nearest; ///< of the chip or its die, in a format that may stand for the kernel's
};

/// @throws InputError where a figure of the chip that is needed is unknown
[[nodiscard]] std::vector<KernelEvidence> evidence_of(Estimator const& estimator, hardware::Chip const& chip,
                                                      model::Operation const& op);

} // namespace moesaic::timing
