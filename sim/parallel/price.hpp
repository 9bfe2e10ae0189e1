#pragma once
#include "hardware/chip.hpp"
#include "model/operation.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

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
    struct Hash {
        std::size_t operator()(model::Operation const& op) const noexcept;
    };
    struct Known {
        std::shared_ptr<model::Operation const> op;
        timing::Duration duration;
    };
    std::unordered_map<model::Operation, Known, Hash> known_; // looked up only
};

/// One per chip, for as many programs as are built with them.
class Pricers {
  public:
    /// They must outlive the pricers.
    explicit Pricers(timing::Timings const& timings) : timings_{&timings} {}
    [[nodiscard]] Pricer& of(hardware::Chip const& chip) {
        return by_chip_.try_emplace(chip.id, *timings_, chip).first->second;
    }

  private:
    timing::Timings const* timings_;
    std::map<std::string, Pricer> by_chip_;
};

} // namespace moesaic::parallel
