#pragma once
#include "sweep/points.hpp"
#include "sweep/record.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

namespace moesaic::sweep {

/// Of everything that the metrics of a point depend on; empty where they are not to be kept.
using HashOfPoint = std::function<std::string(Point const&)>;

/// Which points are finished, and with which content: tells records of the sweep as it is now from those of an earlier
/// state. Holds two numbers a point.
class Ledger {
  public:
    /// Enters what the journals in the folder hold of these points as they are now. A point may stand in several
    /// journals, or twice in one (a failure, then another try): what succeeded counts.
    /// @param keep_failures enter failures as well
    /// @param on_entered called for each
    void read(std::string const& folder, Points const& points, HashOfPoint const& hash, bool keep_failures,
              std::function<void(Record const&)> const& on_entered = {});
    void enter(Record const& record);

    [[nodiscard]] bool has(std::int64_t point) const { return entries_.contains(point); }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
    /// Whether the record is what the sweep, with the files as they are now, has for its point.
    [[nodiscard]] bool stands(Record const& record) const;

  private:
    std::unordered_map<std::int64_t, std::uint64_t> entries_; ///< point -> hash of its content hash
};

} // namespace moesaic::sweep
