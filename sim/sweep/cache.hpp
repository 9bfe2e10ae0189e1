#pragma once
#include "base/units.hpp"
#include "sweep/record.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Metrics of points by their content hash, kept between sweeps: one small file each. Failures are not kept.
/// A folder that cannot be written is as good as an empty one.
class Cache {
  public:
    /// @param folder empty = no cache
    Cache(std::string folder, Bytes limit);
    [[nodiscard]] std::optional<std::vector<Cell>> find(std::string const& hash) const;
    void keep(std::string const& hash, std::vector<Cell> const& cells) const;
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
