#pragma once
#include "base/dtype.hpp"
#include "hardware/chip.hpp"
#include "io/toml.hpp"
#include "parallel/practice.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesaic::parallel {

/// How many times longer products and attention kernels of a training run take than those that were timed alone, on
/// some chips, in one class of their number format, with one software: clocks under sustained load, real numbers instead of
/// predictable ones, transposed operands, gaps. Learnt on published runs, or on kernel data.
struct CalibrationConstant {
    std::string name;
    std::vector<std::string> chips; ///< that it was learnt on or measured for
    std::vector<std::string>
        dies;              ///< of those: it holds for further chips of a die, which have none of their own
    std::string precision; ///< "16-bit", "8-bit" or "4-bit": of the kernel's inputs
    std::string stack;     ///< of Practice; empty = any
    double factor = 1.0;
    std::string origin;               ///< how it was found
    std::vector<std::string> sources; ///< of the published runs; none for kernel data
    std::vector<std::string> records;
};

/// Standard deviation of ln(step time) beyond that of the timings, found on runs of sources left out.
struct ModelError {
    double calibrated = 0.0; ///< where the constant was learnt on runs
    double otherwise = 0.0;
};

/// In place of a file of constants: kernels take as long as they were timed, and the model errs as where nothing was learnt.
constexpr std::string_view no_constants = "none";

struct Calibration {
    std::vector<CalibrationConstant> constants;
    ModelError dense, experts;     ///< of models without and with experts
    double unknown_software = 0.0; ///< the same for all, where the software that runs is not described

    /// The chip's own, else its die's: that of the stack, else that of any stack. none where neither has one.
    [[nodiscard]] CalibrationConstant const* find(hardware::Chip const& chip, Dtype format,
                                                  std::string const& stack) const;
    /// @param products format of the run's
    [[nodiscard]] double error_of(hardware::Chip const& chip, Dtype products, Practice const& practice,
                                  bool has_experts) const;
};

[[nodiscard]] std::string_view precision_class(Dtype format);

/// @throws InputError for unknown keys, a factor that is not above 0, a constant without origin, two of one key
[[nodiscard]] Calibration read_calibration(io::TomlTable const& table);

} // namespace moesaic::parallel
