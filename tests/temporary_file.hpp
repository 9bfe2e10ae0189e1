#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace moesaic {

/// A path of this process alone, removed at both ends of its life.
struct TemporaryFile {
    std::string path;
    explicit TemporaryFile(std::string const& name)
        : path{(std::filesystem::temp_directory_path() / ("moesaic_" + std::to_string(getpid()) + "_" + name))
                   .string()} {
        std::filesystem::remove_all(path);
    }
    TemporaryFile(TemporaryFile const&) = delete;
    TemporaryFile& operator=(TemporaryFile const&) = delete;
    ~TemporaryFile() { std::filesystem::remove_all(path); }
};

/// With this content.
struct TemporaryText : TemporaryFile {
    TemporaryText(std::string const& name, std::string const& text) : TemporaryFile{name} {
        std::ofstream{path, std::ios::binary} << text;
    }
};

} // namespace moesaic
