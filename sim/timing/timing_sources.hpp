#pragma once
#include "io/toml.hpp"
#include "model/operation.hpp"
#include "timing/timing_table.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace moesaic::timing {

/// Where collectives ran over a network that does not stand for others.
enum class UnlikeFabric { nowhere, between_nodes, always };

/// What is known of those who measured.
struct SourceTraits {
    Grade grade = Grade::c;
    bool library_is_a_winner =
        false; ///< of a search for each shape, not a choice: the libraries make one series
    bool collectives_hold_host_time = false; ///< which a training run does not wait for
    std::set<model::OpKind> not_training;    ///< whose kernels training does not use
};

struct LibraryTraits {
    std::set<model::OpKind> not_training;
    UnlikeFabric unlike_fabric = UnlikeFabric::nowhere;
};

/// What platforms/timings/sources.toml says of sources, libraries and machines (chips as the tables name them).
class TimingSources {
  public:
    [[nodiscard]] SourceTraits const& source(std::string_view name) const;
    [[nodiscard]] LibraryTraits const& library(std::string_view name) const;
    [[nodiscard]] UnlikeFabric machine(std::string_view chip) const;

  private:
    friend TimingSources read_timing_sources(io::TomlTable const& file);
    template <class Entry>
    using ByName = std::map<std::string, Entry, std::less<>>;
    ByName<SourceTraits> sources_;
    ByName<LibraryTraits> libraries_;
    ByName<UnlikeFabric> machines_;
};

/// @throws InputError for an unknown key, grade or kind of operation
[[nodiscard]] TimingSources read_timing_sources(io::TomlTable const& file);

} // namespace moesaic::timing
