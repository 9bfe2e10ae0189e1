#include "sweep/cache.hpp"

#include "base/errors.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace moesaic::sweep {

namespace {

namespace fs = std::filesystem;

struct Entry {
    fs::file_time_type used;
    double bytes = 0.0; ///< on the disk, in whole blocks
    fs::path path;
};

double bytes_on_disk(fs::path const& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<double>(status.st_blocks) * 512.0 : 0.0;
}

std::vector<Entry> entries_in(std::string const& folder) {
    std::vector<Entry> out;
    std::error_code error;
    for (fs::recursive_directory_iterator at{folder, error};
         !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
        std::error_code gone; // another sweep may trim at the same time
        if (at->is_regular_file(gone)) {
            auto const used = at->last_write_time(gone);
            out.push_back({used, bytes_on_disk(at->path()), at->path()});
        }
    }
    return out;
}

/// Of one hash: timings that are tried in turn are found again.
constexpr int most_bases = 8;

/// The good lines of a file, newest first.
std::vector<Record> entry_at(std::string const& path, std::string const& hash) {
    std::vector<Record> out;
    std::ifstream in{path};
    std::string line;
    while (std::getline(in, line)) {
        auto record = read_record(line);
        if (record && record->hash == hash && !has_failed(record->result)) {
            out.push_back(std::move(*record));
        }
    }
    return out;
}

} // namespace

Cache::Cache(std::string folder, Bytes limit) : folder_{std::move(folder)}, limit_{limit} {}

std::string Cache::path_of(std::string const& hash) const {
    return folder_ + "/" + hash.substr(0, 2) + "/" + hash.substr(2);
}

std::optional<Record> Cache::find(std::string const& hash,
                                  std::function<bool(std::string const&)> const& stands) const {
    if (folder_.empty() || hash.size() < 3) {
        return std::nullopt;
    }
    for (auto& record : entry_at(path_of(hash), hash)) {
        if (!stands || stands(record.basis)) {
            std::error_code ignored;
            fs::last_write_time(path_of(hash), fs::file_time_type::clock::now(), ignored);
            return std::move(record);
        }
    }
    return std::nullopt;
}

void Cache::keep(Record const& record) const {
    if (folder_.empty() || record.hash.size() < 3) {
        return;
    }
    auto const path = path_of(record.hash);
    std::error_code ignored;
    fs::create_directories(fs::path{path}.parent_path(), ignored);
    auto lines = line_of({0, record.hash, record.result, record.basis}) + "\n";
    int kept = 1;
    for (auto const& older : entry_at(path, record.hash)) {
        if (older.basis != record.basis && kept < most_bases) {
            lines += line_of(older) + "\n";
            ++kept;
        }
    }
    try {
        io::write_text_file(path, lines);
    } catch (InputError const&) {
        return; // the sweep does not need it
    }
}

void Cache::trim() const {
    if (folder_.empty()) {
        return;
    }
    auto entries = entries_in(folder_);
    double total = 0.0;
    for (auto const& entry : entries) {
        total += entry.bytes;
    }
    std::ranges::sort(entries, {}, [](Entry const& entry) { return std::tie(entry.used, entry.path); });
    for (auto const& entry : entries) {
        if (total <= limit_.value()) {
            return;
        }
        std::error_code ignored;
        fs::remove(entry.path, ignored);
        total -= entry.bytes;
    }
}

std::string default_cache_folder() {
    auto const variable = [](char const* name) {
        char const* value = std::getenv(name);
        return std::string{value ? value : ""};
    };
    if (auto const chosen = variable("MOESAIC_CACHE"); !chosen.empty()) {
        return chosen;
    }
    if (auto const caches = variable("XDG_CACHE_HOME"); !caches.empty()) {
        return caches + "/moesaic/points";
    }
    auto const home = variable("HOME");
    return home.empty() ? "" : home + "/.cache/moesaic/points";
}

} // namespace moesaic::sweep
