#include "io/text_file.hpp"

#include "base/errors.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace moesaic::io {

std::string read_text_file(std::string const& path) {
    if (std::filesystem::is_directory(path)) {
        throw InputError{Origin::whole_file(path), "is a folder, not a file"};
    }
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    std::ostringstream content;
    if (!in || !(content << in.rdbuf() || in.peek() == std::ifstream::traits_type::eof())) {
        throw InputError{Origin::whole_file(path),
                         fmt::format("cannot be read ({})", std::strerror(errno ? errno : EIO))};
    }
    return std::move(content).str();
}

void write_text_file(std::string const& path, std::string_view content) {
    auto const temporary = fmt::format("{}.tmp{}", path, getpid());
    errno = 0;
    {
        std::ofstream out{temporary, std::ios::binary};
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
        out.flush();
        if (!out) {
            auto const reason = std::strerror(errno ? errno : EIO);
            std::error_code ignored;
            std::filesystem::remove(temporary, ignored);
            throw InputError{Origin::whole_file(path), fmt::format("cannot be written ({})", reason)};
        }
    }
    std::error_code error;
    std::filesystem::rename(temporary, path, error);
    if (error) {
        throw InputError{Origin::whole_file(path), fmt::format("cannot be written ({})", error.message())};
    }
}

} // namespace moesaic::io
