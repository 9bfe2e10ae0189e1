#pragma once
#include "hardware/chip.hpp"
#include "model/operation.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <utility>
#include <vector>

namespace moesaic::parallel {

/// Turns operations into priced kernels on one chip, asking for each distinct operation once.
class Pricer {
  public:
    /// Both must outlive the pricer.
    Pricer(timing::Timings const& timings, hardware::Chip const& chip) : timings_{&timings}, chip_{&chip} {}
    [[nodiscard]] Compute price(model::Operation const& op);

  private:
    timing::Timings const* timings_;
    hardware::Chip const* chip_;
    std::vector<std::pair<model::Operation, timing::Duration>> known_; // a few dozen distinct ones
};

} // namespace moesaic::parallel
