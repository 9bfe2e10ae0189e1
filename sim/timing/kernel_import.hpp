#pragma once
#include "timing/kernel_rules.hpp"

#include <map>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace moesaic::timing {

/// Kernels of one name that share a fate.
struct ImportShare {
    std::string what; ///< name of the kernel, and why where it says so
    std::int64_t calls = 0;
    Seconds time;
};

struct ImportedRow {
    Kernel kernel;
    std::string extra;
    Seconds time; ///< median of the calls
    std::int64_t calls = 0;
};

struct ImportResult {
    std::vector<ImportedRow> rows;
    std::vector<ImportShare> unmapped; ///< most time first
    std::vector<ImportShare> ignored;  ///< by rule
    std::int64_t calls = 0;            ///< of all kernels
    Seconds time;                      ///< of all kernels
    std::int64_t mapped_calls = 0;
    Seconds mapped_time;
    [[nodiscard]] double share_of(Seconds part) const { return time.value() > 0 ? part / time : 0; }
};

/// Turns profiled kernels into rows, by rules. Memory holds distinct kernels, and single calls only where a rule asks for
/// their order or for the operation that launched them.
class KernelImport {
  public:
    /// @param rules outlives the import
    explicit KernelImport(KernelRules const& rules) : rules_{rules} {}
    void add(TracedKernel const& kernel);
    /// What follows is of another file: its runs of phases and operations are others.
    void next_file() { ++file_; }
    [[nodiscard]] ImportResult finish();

  private:
    struct Call {
        TracedKernel kernel; ///< without its inputs where the shape does not need them
        RuleMatch match;
    };
    struct Row {
        ImportedRow row;
        std::vector<float> times;                             ///< seconds, at most so many as decide a median
        std::unordered_map<std::int64_t, std::size_t> places; ///< in times, by the operation's call
        /// False where the kernel belongs to a call that was counted.
        bool count(TracedKernel const& kernel, std::optional<std::int64_t> run);
    };
    using PhaseRun = std::pair<std::string, std::int64_t>;
    /// False where the profile lacks the shape: then it is refused.
    /// @param run of the phase, in its own file: ordered kernels are taken when all files were read
    bool take(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& kernel,
              PhaseRun const& run);
    [[nodiscard]] std::vector<RuleMatch> const& rules_by_names(TracedKernel const& kernel);
    void take_by(RuleMatch const& match, TracedKernel const& kernel);
    [[nodiscard]] std::int64_t across_files(std::int64_t run) const { return file_ * (1LL << 32) + run; }
    [[nodiscard]] PhaseRun phase_run_of(TracedKernel const& kernel) const {
        return {kernel.phase, across_files(kernel.phase_run)};
    }
    void refuse(TracedKernel const& kernel, std::string_view why);
    void finish_ordered(std::vector<Call>& calls, PhaseRun const& run);
    void take_together(std::span<Call const> parts, ShapeRule const& shape, PhaseRun const& run);
    void add_shares_of_others();

    KernelRules const& rules_;
    std::unordered_map<std::string, std::vector<RuleMatch>>
        found_; ///< by names: kernels come again and again
    std::map<std::string, Row> rows_;
    std::map<std::pair<KernelRule const*, PhaseRun>, std::vector<Call>> ordered_;
    /// Time of kernels that belong to those of a named rule, and the rows that rule gave, by phase run.
    std::map<std::pair<std::string, PhaseRun>, std::vector<Call>> additions_;
    std::map<std::pair<std::string, PhaseRun>, std::map<std::string, std::int64_t>> named_rows_;
    std::map<std::string, ImportShare> unmapped_, ignored_;
    std::int64_t file_ = 0;
    ImportResult result_;
};

} // namespace moesaic::timing
