#include "hardware/catalogue.hpp"

#include "hardware/read_entry.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <map>

namespace moesaic::hardware {

Catalogue::Catalogue(std::string platforms_folder) : folder_{std::move(platforms_folder)} {
    if (!std::filesystem::is_directory(folder_)) {
        throw InputError{Origin::whole_file(folder_), "is not a folder",
                         "It must hold chips/, nodes/ and clusters/"};
    }
}

std::vector<std::string> Catalogue::chip_ids() const { return entries_of(folder_ + "/chips"); }
std::vector<std::string> Catalogue::cluster_ids() const { return entries_of(folder_ + "/clusters"); }

std::vector<Source> Catalogue::sources() const {
    return read_sources(io::read_toml_file(folder_ + "/sources.toml"));
}

std::vector<Chip> Catalogue::all_chips() const {
    std::vector<Chip> out;
    std::ranges::transform(chip_ids(), std::back_inserter(out),
                           [this](std::string const& id) { return chip(id, {}); });
    std::map<std::string, std::string> owners; // of a name in tables of timings, by id
    for (auto const& chip : out) {
        owners.emplace(chip.id, chip.id);
    }
    for (auto const& chip : out) {
        for (auto const& name : chip.timing_names) {
            if (auto const [owner, fresh] = owners.emplace(name, chip.id);
                !fresh && owner->second != chip.id) {
                auto const table = read_entry(folder_ + "/chips", "chip", chip.id, {});
                throw InputError{table.origin("timing_names"),
                                 fmt::format("\"{}\" is a name of {} already", name, owner->second),
                                 "Rows of timing tables are of one chip: leave the name out here"};
            }
        }
    }
    return out;
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
