#pragma once
#include "hardware/chip.hpp"
#include "model/operation.hpp"
#include "parallel/calibration.hpp"
#include "parallel/practice.hpp"
#include "parallel/program.hpp"
#include "timing/timings.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace moesaic::parallel {

/// How the kernels of a run differ from those that were timed alone.
struct KernelSetting {
    Practice practice;
    Calibration const* calibration = nullptr; ///< none = as timed
};

/// Turns operations into priced kernels on one chip, asking for each distinct operation once.
class Pricer {
  public:
    /// All must outlive the pricer.
    Pricer(timing::Timings const& timings, hardware::Chip const& chip, KernelSetting setting)
        : timings_{&timings}, chip_{&chip}, setting_{std::move(setting)} {
        auto const& on = setting_.practice.on;
        if (auto const at = std::ranges::find(on, chip.id, &ChipPractice::chip); at != on.end()) {
            here_ = *at;
        }
    }
    [[nodiscard]] Compute price(model::Operation const& op);
    /// What the software does on this chip.
    [[nodiscard]] ChipPractice const& here() const { return here_; }

  private:
    [[nodiscard]] double passes_of(model::OpKind kind) const;
    [[nodiscard]] double constant_of(model::Operation const& op) const;
    struct InRun {
        timing::Duration duration;
        bool at_limit =
            false; ///< of the software's own kernels (AttentionLimit) or calls (ChipPractice::product_call)
    };
    struct Least {
        Seconds time; ///< that the software's own kernels or calls take
        double sigma = 0.0;
    };
    [[nodiscard]] InRun time_in_run(model::Operation const& op) const;
    [[nodiscard]] Least least_in_run(model::Operation const& op) const;

    timing::Timings const* timings_;
    hardware::Chip const* chip_;
    KernelSetting setting_;
    ChipPractice here_;
    std::unordered_map<model::Operation, Compute, model::HashOperation> known_; // looked up only
};

/// One per chip, for as many programs as are built with them: all with the same software.
class Pricers {
  public:
    /// Timings and calibration must outlive the pricers. @param calibration none = kernels as they were timed
    explicit Pricers(timing::Timings const& timings, Practice practice = {},
                     Calibration const* calibration = nullptr)
        : timings_{&timings}, practice_{std::move(practice)}, calibration_{calibration} {}
    [[nodiscard]] Pricer& of(hardware::Chip const& chip);
    [[nodiscard]] Calibration const* calibration() const { return calibration_; }

  private:
    timing::Timings const* timings_;
    Practice practice_;
    Calibration const* calibration_;
    std::map<std::string, Pricer> by_chip_;
};

} // namespace moesaic::parallel
