#pragma once
#include "hardware/chip.hpp"
#include "model/operation.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <memory>
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
    /// A few dozen distinct ones.
    std::vector<std::pair<std::shared_ptr<model::Operation const>, timing::Duration>> known_;
};

} // namespace moesaic::parallel
