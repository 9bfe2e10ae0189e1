#pragma once
#include "timing/estimate.hpp"
#include "timing/evidence.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::timing {

/// A time with the reason for it.
struct KernelTime {
    Duration duration;
    std::string source; ///< "aiconfigurator, A100-SXM4-80GB, vllm"
};

/// "aiconfigurator, A100-SXM4-80GB, vllm"
[[nodiscard]] std::string source_text(StoredSeries const& series);
/// Measured or interpolated on the chip itself, by the series best suited to training.
/// none where the chip has no rows of this operation near enough
[[nodiscard]] std::optional<KernelTime> own_time(Estimator const& estimator, hardware::Chip const& chip,
                                                 Kernel const& kernel);
/// Transferred over a like operation that this chip and another both have: what this operation takes more than the
/// other there, it takes more here. none where no chip has both
[[nodiscard]] std::optional<KernelTime> time_by_analogy(Estimator const& estimator,
                                                        hardware::Chip const& chip, Kernel const& kernel);
/// Transferred from the curves of other chips, scaled by the rooflines; chips that are more alike weigh more.
/// none where no chip has the operation
[[nodiscard]] std::optional<KernelTime> borrowed_time(Estimator const& estimator, hardware::Chip const& chip,
                                                      Kernel const& kernel);
/// Roofline with a stated efficiency and a launch time.
/// @throws InputError where a figure of the chip that is needed is unknown
[[nodiscard]] KernelTime analytic_time(Estimator const& estimator, hardware::Chip const& chip,
                                       Kernel const& kernel);
/// What another chip says of ln(time / roofline time).
struct Borrowed {
    std::string source;
    double log_ratio = 0;
    double sigma = 0;
};
/// Weighted mean of the nearest: chips that are clearly farther than the nearest one are left out. @param said not empty
[[nodiscard]] Borrowed nearest_mean(std::vector<Borrowed> said);
/// What those chips say whose word may count in nearest_mean(): none is asked that is too strange for it whatever it said,
/// so that its rows do not matter. In the order of the chips.
/// @param chips that can be asked, each with its strangeness
/// @param ask gives a sigma of at least the strangeness; none where the chip has nothing to say
using AskDonor = std::function<std::optional<Borrowed>(hardware::Chip const&, double strangeness)>;
[[nodiscard]] std::vector<Borrowed>
ask_nearest(std::vector<std::pair<hardware::Chip const*, double>> const& chips, AskDonor const& ask);
/// How far apart two chips are, as the spread of ln(time / roofline time) between chips like these.
[[nodiscard]] double strangeness(TransferDoubt const& doubt, hardware::Chip const& a, hardware::Chip const& b,
                                 Kernel const& kernel);
/// As if the chip had no rows of this operation: from its die under another name, by analogy, then borrowed.
[[nodiscard]] std::optional<KernelTime> time_without_own(Estimator const& estimator,
                                                         hardware::Chip const& chip, Kernel const& kernel);
/// The chip's own time, else the one without. none where no chip has the operation
[[nodiscard]] std::optional<KernelTime> known_time(Estimator const& estimator, hardware::Chip const& chip,
                                                   Kernel const& kernel);
/// The known time, else the analytic one.
/// @throws InputError where a figure of the chip that is needed is unknown
[[nodiscard]] KernelTime kernel_time(Estimator const& estimator, hardware::Chip const& chip,
                                     Kernel const& kernel);

/// The kernels of an operation as tables list them: two products for a product's backward, the forward kernel for
/// a pass that no table lists. Empty where the pass does nothing.
[[nodiscard]] std::vector<Kernel> kernels_of(model::Operation const& op);

/// What the tables say of a row of theirs: from series of the same chip, the same library and options first.
/// none where nothing comparable is loaded, or nothing is known of the chip
[[nodiscard]] std::optional<KernelTime> row_time(Estimator const& estimator, Measurement const& row);
/// Any operation and pass: parts that are measured apart are added up.
[[nodiscard]] KernelTime operation_time(Estimator const& estimator, hardware::Chip const& chip,
                                        model::Operation const& op);

} // namespace moesaic::timing
