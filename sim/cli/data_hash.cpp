#include "cli/data_hash.hpp"

#include "base/sha256.hpp"
#include "hardware/catalogue.hpp"
#include "io/text_file.hpp"
#include "timing/timing_table.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>

namespace moesaic::cli {

namespace fs = std::filesystem;

/// Two builds of one version may differ: the program is its file, not its number.
std::string const& DataHash::of_program() {
    if (program_.empty()) {
        program_ = sha256(io::read_text_file("/proc/self/exe"));
    }
    return program_;
}

DataHash::FileState DataHash::state_of(std::string const& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        return {};
    }
    return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size,
            static_cast<std::int64_t>(status.st_ino)};
}

DataHash::File& DataHash::hashed(std::string const& path) {
    auto at = files_.find(path);
    if (at == files_.end()) {
        auto const state = state_of(path); // first: a write while it is read shows
        at = files_.emplace(path, File{sha256(io::read_text_file(path)), state}).first;
    }
    return at->second;
}

std::string const& DataHash::of_file(std::string const& path) {
    auto& file = hashed(path);
    file.watched = true;
    return file.hash;
}

void DataHash::check_unchanged() const {
    for (auto const& [path, file] : files_) {
        if (file.watched && state_of(path) != file.state) {
            throw InputError{Origin::whole_file(path), "has changed since the sweep began",
                             "Run the sweep again: it keeps the points that do not depend on it"};
        }
    }
}

template <class HashOf>
std::string const& DataHash::of_folder(std::string const& folder, std::vector<std::string> const& files,
                                       HashOf const& hash_of) {
    auto at = folders_.find(folder);
    if (at == folders_.end()) {
        Sha256 sum;
        for (auto const& file : files) {
            sum.add(fs::path{file}.filename().string()).add("\n").add(hash_of(file)).add("\n");
        }
        at = folders_.emplace(folder, sum.hex()).first;
    }
    return at->second;
}

std::string const& DataHash::of_facts(std::string const& folder) {
    std::vector<std::string> files;
    for (auto const& entry : fs::directory_iterator{folder}) {
        if (entry.path().extension() == ".toml") {
            files.push_back(entry.path().string());
        }
    }
    std::ranges::sort(files);
    return of_folder(folder, files, [this](std::string const& file) { return of_file(file); });
}

std::string const& DataHash::of_chips() { return of_facts(folder_ + "/platforms/chips"); }

std::string const& DataHash::of_tables_at(std::string const& path) {
    return fs::is_directory(path) ? of_folder(path, timing::tables_at(path),
                                              [this](std::string const& file) { return hashed(file).hash; })
                                  : hashed(path).hash;
}

std::string const& DataHash::of_cluster(std::string const& id, Origin const& asked_at) {
    auto at = clusters_.find(id);
    if (at == clusters_.end()) {
        auto const cluster = hardware::Catalogue{folder_ + "/platforms"}.cluster(id, asked_at);
        at = clusters_
                 .emplace(id, sha256(of_file(cluster.file) + of_file(cluster.node.file) +
                                     of_file(cluster.node.chip.file)))
                 .first;
    }
    return at->second;
}

std::string const& DataHash::of_node(std::string const& id, Origin const& asked_at) {
    auto at = nodes_.find(id);
    if (at == nodes_.end()) {
        auto const node = hardware::Catalogue{folder_ + "/platforms"}.node(id, asked_at);
        at = nodes_.emplace(id, sha256(of_file(node.file) + of_file(node.chip.file))).first;
    }
    return at->second;
}

std::string DataHash::of_timings(std::vector<std::string> const& further) {
    Sha256 sum;
    sum.add(of_tables_at(folder_ + "/platforms/timings"));
    for (std::string const name : {"sources", "expectations"}) {
        sum.add(hashed(fmt::format("{}/platforms/timings/{}.toml", folder_, name)).hash);
    }
    for (auto const& path : further) {
        sum.add(of_tables_at(path));
    }
    return sum.hex();
}

namespace {

struct NamedFile {
    std::string_view name;
    std::string path;
};

/// Single files that the scenario is made of. @param data folder of platforms/ and scenarios/
std::vector<NamedFile> files_of(io::TomlTable const& scenario, std::string const& data,
                                std::string const& base_folder) {
    std::vector<NamedFile> out;
    auto const beside = [&](std::string const& file) { return (fs::path{base_folder} / file).string(); };
    if (scenario.is_text("model")) {
        out.push_back({"model", fmt::format("{}/scenarios/models/{}.toml", data, scenario.text("model"))});
    }
    if (scenario.has("software")) {
        out.push_back(
            {"software", fmt::format("{}/scenarios/software/{}.toml", data, scenario.text("software"))});
    }
    if (auto const routing = scenario.optional_table("routing")) {
        if (routing->has("file")) {
            out.push_back({"routing", beside(routing->text("file"))});
        }
        if (routing->has("preset")) {
            out.push_back({"routing", data + "/scenarios/routing_presets.toml"});
        }
    }
    if (auto const regime = scenario.optional_table("regime"); regime && regime->is_text("what_if")) {
        out.push_back({"what_if", beside(regime->text("what_if"))});
    }
    for (auto const& link : scenario.tables("site_links")) {
        if (link.has("transport")) {
            out.push_back({"transports", data + "/platforms/transports.toml"});
        }
    }
    if (scenario.has("prices") || scenario.has("economics")) {
        out.push_back({"rates", data + "/platforms/exchange_rates.toml"});
    }
    out.push_back({"sources of timings", data + "/platforms/timings/sources.toml"});
    out.push_back({"expectations of timings", data + "/platforms/timings/expectations.toml"});
    out.push_back({"calibration", data + "/platforms/calibration.toml"});
    return out;
}

} // namespace

std::string DataHash::of_scenario(io::TomlTable const& scenario, std::string const& base_folder) {
    Sha256 sum;
    auto const add = [&](std::string_view name, std::string const& hash) {
        sum.add(fmt::format("{} {}\n", name, hash));
    };
    add("program", of_program());
    add("scenario", scenario.canonical_text({"name", "description", "assumptions", "published"}));
    for (auto const& [name, path] : files_of(scenario, folder_, base_folder)) {
        add(name, of_file(path));
    }
    if (scenario.has("regime")) {
        add("rules", of_facts(folder_ + "/scenarios/rules")); // they may refuse the chips
    }
    for (auto const& pool : scenario.tables("pools")) {
        add("hardware", pool.has("node") ? of_node(pool.text("node"), pool.origin("node"))
                                         : of_cluster(pool.text("cluster"), pool.origin("cluster")));
    }
    if (scenario.has("economics")) {
        add("hosting", of_facts(folder_ + "/platforms/hosting"));
    }
    if (scenario.has("prices") || scenario.has("economics")) {
        add("prices", of_facts(folder_ + "/platforms/prices"));
    }
    // A transfer may take its curve from any chip that has timings, and scale it by the chip's figures.
    add("chips", of_chips());
    return sum.hex();
}

} // namespace moesaic::cli
