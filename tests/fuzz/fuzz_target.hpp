#pragma once
#include "base/errors.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>

namespace moesaic::fuzz {

/// What a target does with one input, as the program would with a user's file: it takes it or throws InputError. Anything else is a
/// mistake of ours: another exception, a crash, what the sanitizers find, more memory or time than libFuzzer grants.
void take(std::string_view input);

/// The input as a file, for readers that read twice or in pieces; its bytes lie in memory.
class InputFile {
  public:
    explicit InputFile(std::string_view input, std::string const& ending) {
        auto const folder = std::filesystem::exists("/dev/shm") ? std::filesystem::path{"/dev/shm"}
                                                                : std::filesystem::temp_directory_path();
        path_ = (folder / ("moesaic_fuzz_" + std::to_string(getpid()) + ending)).string();
        std::ofstream{path_, std::ios::binary} << input;
    }
    InputFile(InputFile const&) = delete;
    InputFile& operator=(InputFile const&) = delete;
    ~InputFile() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string const& path() const { return path_; }

  private:
    std::string path_;
};

} // namespace moesaic::fuzz
