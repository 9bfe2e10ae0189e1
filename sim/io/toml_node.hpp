#pragma once
#include "io/toml.hpp"

#include <map>
#include <set>
#include <toml++/toml.h>

/// What toml.cpp and toml_override.cpp share; nobody else sees toml++.
namespace moesaic::io {

/// The parsed file is shared; `table` points into it (copied toml++ nodes lose their line numbers).
struct TomlTable::Node {
    std::shared_ptr<toml::table const> root;
    std::shared_ptr<std::map<std::string, Origin> const> overridden; ///< where these paths were set
    toml::table const* table = nullptr;
    std::string file;
    std::string path; ///< dotted, empty for the root
    mutable std::set<std::string, std::less<>> asked;
};

/// "parallel" and "tensor" -> "parallel.tensor"
[[nodiscard]] std::string joined(std::string const& path, std::string_view key);
/// Where the node stands in the file that it was parsed from.
[[nodiscard]] Origin origin_of(std::string const& file, std::string path, toml::node const& node);
/// Where the path was set, or the nearest of what holds it; else where the node stands in the file.
[[nodiscard]] Origin place_of(TomlTable::Node const& in, std::string const& path, toml::node const& node);

} // namespace moesaic::io
