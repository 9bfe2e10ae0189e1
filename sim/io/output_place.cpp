#include "io/output_place.hpp"

#include <filesystem>

namespace moesaic::io {

namespace fs = std::filesystem;

namespace {

constexpr int most_links = 40; // as many as Linux follows

/// Open files of a process, /dev/stdout's among them: what is written there goes on where they stand.
bool is_of_a_process(fs::path const& path) { return path.string().starts_with("/proc/"); }

/// Where the links lead, whether something is there or not; those of open files are not followed.
fs::path end_of_links(fs::path path) {
    std::error_code error;
    for (int i = 0; i < most_links && !is_of_a_process(path) && fs::is_symlink(path, error); ++i) {
        auto const next = fs::read_symlink(path, error);
        if (error) {
            break;
        }
        path = path.parent_path() / next; // an absolute one stands for itself
    }
    return path;
}

} // namespace

OutputPlace output_place(std::string const& named) {
    std::error_code error;
    auto const status = fs::status(named, error);
    if (fs::exists(status) && !fs::is_regular_file(status)) {
        return {named, true};
    }
    auto const end = end_of_links(named);
    if (is_of_a_process(end)) {
        return {named, true};
    }
    // links under /proc name what no folder holds: "/tmp/gone (deleted)"
    if (fs::exists(status) && !fs::equivalent(named, end, error)) {
        return {named, true};
    }
    return {end.string(), false};
}

} // namespace moesaic::io
