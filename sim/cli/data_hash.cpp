#include "cli/data_hash.hpp"

#include "base/sha256.hpp"
#include "hardware/catalogue.hpp"
#include "io/text_file.hpp"
#include "timing/timing_table.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::cli {

namespace fs = std::filesystem;

/// Two builds of one version may differ: the program is its file, not its number.
DataHash::DataHash(std::string data_folder)
    : folder_{std::move(data_folder)}, program_{sha256(io::read_text_file("/proc/self/exe"))} {}

std::string const& DataHash::of_file(std::string const& path) {
    auto const [at, fresh] = files_.try_emplace(path);
    if (fresh) {
        at->second = sha256(io::read_text_file(path));
    }
    return at->second;
}

std::string const& DataHash::of_files(std::string const& name, std::vector<std::string> const& files) {
    auto const [at, fresh] = files_.try_emplace(name);
    if (fresh) {
        Sha256 sum;
        for (auto const& file : files) {
            sum.add(fs::path{file}.filename().string()).add("\n").add(of_file(file)).add("\n");
        }
        at->second = sum.hex();
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
    return of_files(folder, files);
}

std::string const& DataHash::of_timings(std::string const& path) {
    return fs::is_directory(path) ? of_files(path, timing::tables_at(path)) : of_file(path);
}

std::string const& DataHash::of_cluster(std::string const& id, Origin const& asked_at) {
    auto const [at, fresh] = clusters_.try_emplace(id);
    if (fresh) {
        auto const cluster = hardware::Catalogue{folder_ + "/platforms"}.cluster(id, asked_at);
        at->second =
            sha256(of_file(cluster.file) + of_file(cluster.node.file) + of_file(cluster.node.chip.file));
    }
    return at->second;
}

std::string const& DataHash::of_node(std::string const& id, Origin const& asked_at) {
    auto const [at, fresh] = nodes_.try_emplace(id);
    if (fresh) {
        auto const node = hardware::Catalogue{folder_ + "/platforms"}.node(id, asked_at);
        at->second = sha256(of_file(node.file) + of_file(node.chip.file));
    }
    return at->second;
}

std::string DataHash::of_scenario(io::TomlTable const& scenario, std::string const& base_folder,
                                  std::vector<std::string> const& timings) {
    Sha256 sum;
    auto const add = [&](std::string_view name, std::string const& hash) {
        sum.add(fmt::format("{} {}\n", name, hash));
    };
    add("program", program_);
    add("scenario", scenario.canonical_text({"name", "description", "assumptions", "published"}));
    if (scenario.is_text("model")) {
        add("model", of_file(fmt::format("{}/scenarios/models/{}.toml", folder_, scenario.text("model"))));
    }
    if (scenario.has("software")) {
        add("software",
            of_file(fmt::format("{}/scenarios/software/{}.toml", folder_, scenario.text("software"))));
    }
    auto const beside = [&](std::string const& file) { return (fs::path{base_folder} / file).string(); };
    if (auto const routing = scenario.optional_table("routing"); routing && routing->has("file")) {
        add("routing", of_file(beside(routing->text("file"))));
    }
    if (auto const regime = scenario.optional_table("regime")) {
        add("rules", of_facts(folder_ + "/scenarios/rules")); // they may refuse the chips
        if (regime->is_text("what_if")) {
            add("what_if", of_file(beside(regime->text("what_if"))));
        }
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
        add("rates", of_file(folder_ + "/platforms/exchange_rates.toml"));
    }
    // A transfer may take its curve from any chip that has timings.
    add("calibration", of_file(folder_ + "/platforms/calibration.toml"));
    add("chips", of_facts(folder_ + "/platforms/chips"));
    add("timings", of_timings(folder_ + "/platforms/timings"));
    if (scenario.has("timings")) {
        for (auto const& table : scenario.texts("timings")) {
            add("timings", of_timings(beside(table)));
        }
    }
    for (auto const& table : timings) {
        add("timings", of_timings(table));
    }
    return sum.hex();
}

} // namespace moesaic::cli
