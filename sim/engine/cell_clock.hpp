#pragma once
#include "engine/run_log.hpp"

#include <vector>

namespace moesaic::engine {

/// Splits the time of a cell: while a kernel runs it is compute; a gap before a kernel is laid to what
/// released the kernel, and to what released that. Time in flight of what the class waited for is exposed
/// communication of that stream; the time before another cell sent is bubble.
class CellClock {
  public:
    explicit CellClock(int cell) : cell_{cell} {}

    void kernel_starts(double now, int cause, std::vector<Record> const& records);
    void kernel_ends(double now);
    /// Anything of the cell has ended, kernels included.
    void ended(int record) { last_ = record; }
    [[nodiscard]] ClassTime finish(double step_end, std::vector<Record> const& records);

  private:
    void explain(double from, double to, int cause, std::vector<Record> const& records);

    int cell_;
    ClassTime time_;
    double kernel_start_ = 0.0;
    double idle_since_ = 0.0;
    int last_ = -1;
};

} // namespace moesaic::engine
