#pragma once
#include "io/toml.hpp"

#include <string>
#include <vector>

namespace moesaic::hardware {

/// A document that figures name as their source.
struct Source {
    std::string name;
    std::string url; ///< empty where the document has no public address
    std::string note;
};

/// platforms/sources.toml. @throws InputError for a name that stands twice
[[nodiscard]] std::vector<Source> read_sources(io::TomlTable const& table);
/// Null where no source has this name.
[[nodiscard]] Source const* find_source(std::vector<Source> const& sources, std::string_view name);

} // namespace moesaic::hardware
