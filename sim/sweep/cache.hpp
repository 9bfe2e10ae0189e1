#pragma once
#include "base/units.hpp"
#include "sweep/record.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Metrics of points by their content hash, kept between sweeps: one small file each, with a line for each basis of the last few.
/// Failures are not kept.
/// A folder that cannot be written is as good as an empty one.
class Cache {
  public:
    /// @param folder empty = no cache
    Cache(std::string folder, Bytes limit);
    /// The newest whose basis stands. @param stands empty = any
    [[nodiscard]] std::optional<Record>
    find(std::string const& hash, std::function<bool(std::string const& basis)> const& stands) const;
    /// @param record one that has not failed
    void keep(Record const& record) const;
    /// Removes what was used longest ago until the limit is kept.
    void trim() const;

  private:
    [[nodiscard]] std::string path_of(std::string const& hash) const;
    std::string folder_;
    Bytes limit_;
};

/// $MOESAIC_CACHE, else $XDG_CACHE_HOME/moesaic/points, else ~/.cache/moesaic/points; empty where none is set.
[[nodiscard]] std::string default_cache_folder();

} // namespace moesaic::sweep
