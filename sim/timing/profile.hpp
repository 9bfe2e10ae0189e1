#pragma once
#include "base/units.hpp"
#include "timing/timing_table.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::timing {

using ArrayShape = std::vector<std::int64_t>;

/// Operation of the framework with what it was given.
struct FrameworkCall {
    std::string name;
    std::vector<ArrayShape> inputs;
    std::vector<std::string> types;
};
struct FrameworkRun {
    FrameworkCall const* call = nullptr;
    std::int64_t run = -1; ///< which call of the file; -1 = not recorded
};

/// A kernel as a profiler saw it. Profiles that sum up give one for all its calls.
struct TracedKernel {
    std::string name;
    std::string
        launched_by;   ///< operation of the framework ("aten::mm", "MatMulV2"); empty where not recorded
    std::string phase; ///< innermost annotation around the launch; empty where there is none
    std::int64_t phase_run = 0;     ///< which run of the phase, in the order of the file
    std::vector<ArrayShape> inputs; ///< of the operation of the framework; empty where not recorded
    std::vector<ArrayShape> outputs;
    std::vector<std::string> input_types;
    std::int64_t operation_run = -1; ///< which call of `launched_by`; -1 = not recorded
    /// Operations around `launched_by`, the innermost first; alive while the kernel is handed over.
    std::vector<FrameworkRun> within;
    Seconds time; ///< of one call; where summed up the median, else the mean; NaN where the profile has none
    std::int64_t calls = 1;
    std::optional<Seconds> total;   ///< of all calls, where the profile says
    double launched = 0, start = 0; ///< seconds on the profile's clock; 0 where summed up
    [[nodiscard]] Seconds time_of_all() const { return total.value_or(time * static_cast<double>(calls)); }
};

using TakeKernel = std::function<void(TracedKernel const&)>;

/// PyTorch profiler (Kineto), Chrome trace format. Read twice, event by event; memory holds the launches, not the events.
/// @throws InputError where the file is cut off, compressed, no such trace, or has more launches than are held
void read_kineto_trace(std::string const& path, TakeKernel const& each);
/// `nsys stats --report cuda_gpu_kern_sum --format csv` in any unit of time, also with NVTX ranges before the names.
void read_nsys_summary(std::string const& path, TakeKernel const& each);
/// rocprof: results.csv and its stats, rocprofv3: kernel_trace.csv and kernel_stats.csv.
void read_rocprof_table(std::string const& path, TakeKernel const& each);
/// Ascend msprof: op_summary_*.csv; torch_npu: kernel_details.csv.
void read_msprof_summary(std::string const& path, TakeKernel const& each);
/// Chakra execution trace (MLCommons, protobuf): nodes of kernels take the shapes of the operation they depend on.
void read_chakra_trace(std::string const& path, TakeKernel const& each);

/// 0, which no dimension is, where the text is no whole number that 64 bits hold.
[[nodiscard]] std::int64_t parse_dimension(std::string_view text);
/// "[[4096,7168],[],[7168]]"; arrays that are none (numbers, null) count as without dimensions.
[[nodiscard]] std::vector<ArrayShape> parse_shapes(std::string_view json_text);
/// "[\"float\",\"c10::BFloat16\"]" or the same with other quotes: the texts between them.
[[nodiscard]] std::vector<std::string> parse_type_list(std::string_view text);

/// nccl-tests, rccl-tests and hccl_test.
struct CollectiveRow {
    std::string op; ///< as tables name it; empty where the output does not say
    std::int64_t bytes = 0;
    int ranks = 0; ///< of one communicator; 0 where the output does not say
    int nodes = 0;
    std::string dtype; ///< "unspecified" where the output does not say or the tables have no such format
    Seconds time;
};
/// @returns by reason how many lines with numbers are not used: failed checks, times of 0, tests of what no table has
/// @throws InputError where none can be used, or the file is no text of at most 1 GiB
std::vector<Remark> read_collective_test(std::string const& path,
                                         std::function<void(CollectiveRow const&)> const& each);

/// A trace is read twice. @throws InputError where the path is a pipe
void refuse_pipe(std::string const& path);

} // namespace moesaic::timing
