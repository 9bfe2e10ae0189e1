#include "hardware/catalogue.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::hardware {

namespace {

std::vector<std::string> ids_in(std::string const& folder) {
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

/// The file of the entry, read; its own `id` must be its name.
io::TomlTable read_entry(std::string const& folder, std::string_view what, std::string const& id,
                         Origin const& asked_at) {
    auto const known = ids_in(folder);
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

} // namespace

Catalogue::Catalogue(std::string platforms_folder) : folder_{std::move(platforms_folder)} {
    if (!std::filesystem::is_directory(folder_)) {
        throw InputError{Origin::whole_file(folder_), "is not a folder",
                         "It must hold chips/, nodes/ and clusters/"};
    }
}

std::vector<std::string> Catalogue::chip_ids() const { return ids_in(folder_ + "/chips"); }
std::vector<std::string> Catalogue::node_ids() const { return ids_in(folder_ + "/nodes"); }
std::vector<std::string> Catalogue::cluster_ids() const { return ids_in(folder_ + "/clusters"); }

std::vector<Source> Catalogue::sources() const {
    return read_sources(io::read_toml_file(folder_ + "/sources.toml"));
}

Chip Catalogue::chip(std::string const& id, Origin const& asked_at) const {
    return read_chip(read_entry(folder_ + "/chips", "chip", id, asked_at));
}

NodeType Catalogue::node(std::string const& id, Origin const& asked_at) const {
    auto const table = read_entry(folder_ + "/nodes", "node type", id, asked_at);
    return read_node(table, chip(table.text("chip"), table.origin("chip")));
}

Cluster Catalogue::cluster(std::string const& id, Origin const& asked_at) const {
    auto const table = read_entry(folder_ + "/clusters", "cluster", id, asked_at);
    return read_cluster(table, node(table.text("node"), table.origin("node")));
}

} // namespace moesaic::hardware
