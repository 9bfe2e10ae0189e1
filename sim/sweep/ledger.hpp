#pragma once
#include "sweep/points.hpp"
#include "sweep/record.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

namespace moesaic::sweep {

/// Of everything that the metrics of a point depend on, known before it runs, but for what the basis of its record tells; empty
/// where they are not to be kept.
using HashOfPoint = std::function<std::string(Point const&)>;
/// Whether a result on this basis would come out the same if its point ran now.
using StillStands = std::function<bool(Point const&, std::string const& basis)>;

/// By what a result that was found earlier is known again.
struct Content {
    HashOfPoint hash;
    StillStands stands; ///< empty = the hash says it all
    [[nodiscard]] bool is_of(Point const& point, std::string const& its_hash,
                             std::string const& basis) const {
        return hash(point) == its_hash && (!stands || stands(point, basis));
    }
};

/// Which points are finished, and with which content: tells records of the sweep as it is now from those of an earlier
/// state. Holds two numbers a point.
class Ledger {
  public:
    /// Enters what the journals in the folder hold of these points as they are now. A point may stand in several
    /// journals, or twice in one (a failure, then another try): what succeeded counts.
    /// @param keep_failures enter failures as well
    /// @param on_entered called for each
    void read(std::string const& folder, Points const& points, Content const& content, bool keep_failures,
              std::function<void(Record const&)> const& on_entered = {});
    void enter(Record const& record);

    [[nodiscard]] bool has(std::int64_t point) const { return entries_.contains(point); }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
    /// Whether the record is what the sweep, with the files as they are now, has for its point.
    [[nodiscard]] bool stands(Record const& record) const;

  private:
    std::unordered_map<std::int64_t, std::uint64_t>
        entries_; ///< point -> hash of its record's hash and basis
};

} // namespace moesaic::sweep
