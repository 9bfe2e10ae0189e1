#pragma once
#include "hardware/chip.hpp"
#include "hardware/cluster.hpp"
#include "hardware/source_list.hpp"

#include <string>
#include <vector>

namespace moesaic::hardware {

/// The folder platforms/: chips, node types and clusters as files, found by id. Files are read when they are
/// asked for, so that a run pays only for what it uses.
class Catalogue {
  public:
    /// @throws InputError where the folder does not exist
    explicit Catalogue(std::string platforms_folder);

    [[nodiscard]] std::vector<std::string> chip_ids() const; ///< sorted
    [[nodiscard]] std::vector<std::string> cluster_ids() const;
    /// @param asked_at where the id was written, for the error; an unknown id lists the nearest known ones
    [[nodiscard]] Chip chip(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] std::vector<Chip> all_chips() const; ///< by id
    [[nodiscard]] NodeType node(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] Cluster cluster(std::string const& id, Origin const& asked_at) const;
    /// The documents behind the figures.
    [[nodiscard]] std::vector<Source> sources() const;
    [[nodiscard]] std::string const& folder() const { return folder_; }

  private:
    std::string folder_;
};

} // namespace moesaic::hardware
