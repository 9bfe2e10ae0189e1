#pragma once
#include "io/toml.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesaic::hardware {

/// Names of the TOML files of a folder without their ending, sorted; empty where there is no such folder.
[[nodiscard]] std::vector<std::string> entries_of(std::string const& folder);

/// The file of the entry, read; its own `id` must be its name.
/// @param what for the error: "chip"
/// @param asked_at where the id was written; an unknown id lists the nearest known ones
[[nodiscard]] io::TomlTable read_entry(std::string const& folder, std::string_view what,
                                       std::string const& id, Origin const& asked_at);

} // namespace moesaic::hardware
