#include "hardware/read_entry.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::hardware {

std::vector<std::string> entries_of(std::string const& folder) {
    std::vector<std::string> ids;
    std::error_code none;
    for (auto const& entry : std::filesystem::directory_iterator{folder, none}) {
        if (entry.path().extension() == ".toml") {
            ids.push_back(entry.path().stem().string());
        }
    }
    std::ranges::sort(ids);
    return ids;
}

io::TomlTable read_entry(std::string const& folder, std::string_view what, std::string const& id,
                         Origin const& asked_at) {
    auto const known = entries_of(folder);
    if (!std::ranges::binary_search(known, id)) {
        throw InputError{asked_at, fmt::format("no {} is called \"{}\"", what, id), suggestion(id, known)};
    }
    auto table = io::read_toml_file(fmt::format("{}/{}.toml", folder, id));
    if (table.text("id") != id) {
        throw InputError{table.origin("id"),
                         fmt::format("\"{}\" must be the name of the file, \"{}\"", table.text("id"), id)};
    }
    return table;
}

} // namespace moesaic::hardware
