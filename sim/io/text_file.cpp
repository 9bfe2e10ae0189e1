#include "io/text_file.hpp"

#include "base/errors.hpp"
#include "io/output_place.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace moesaic::io {

namespace {

[[noreturn]] void fail_to_read(std::string const& path) {
    throw InputError{Origin::whole_file(path),
                     fmt::format("cannot be read ({})", std::strerror(errno ? errno : EIO))};
}

/// Both bytes of gzip's mark: one alone may begin a binary file.
bool is_compressed(std::ifstream& in) {
    if (in.peek() != 0x1f) {
        in.clear(); // an empty file is none of our business
        return false;
    }
    in.get();
    bool const second = in.peek() == 0x8b;
    in.clear();
    in.unget();
    return second;
}

/// Spreadsheets put one before UTF-8.
void skip_byte_order_mark(std::ifstream& in) {
    constexpr int mark[] = {0xEF, 0xBB, 0xBF};
    int read = 0;
    while (read < 3 && in.peek() == mark[read]) {
        in.get();
        ++read;
    }
    in.clear(); // an empty file is none of our business
    for (; read % 3 > 0; --read) {
        in.unget();
    }
}

} // namespace

std::ifstream open_file(std::string const& path) {
    std::error_code unknown;
    if (std::filesystem::is_directory(path, unknown)) {
        throw InputError{Origin::whole_file(path), "is a folder, not a file"};
    }
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    if (!in) {
        fail_to_read(path);
    }
    if (is_compressed(in)) {
        throw InputError{Origin::whole_file(path), "is compressed", "Unpack it first: gunzip -k FILE"};
    }
    skip_byte_order_mark(in);
    return in;
}

std::string read_text_file(std::string const& path) {
    auto in = open_file(path);
    errno = 0;
    std::ostringstream content;
    if (!(content << in.rdbuf() || in.peek() == std::ifstream::traits_type::eof())) {
        fail_to_read(path);
    }
    return std::move(content).str();
}

std::string read_bounded_text(std::string const& path, std::string_view advice) {
    auto const check = [&](std::uintmax_t size) {
        if (size > most_text_bytes) {
            throw InputError{Origin::whole_file(path), "is larger than 1 GiB: too long to be held",
                             std::string{advice}};
        }
    };
    std::error_code unknown; // of a pipe; what cannot be read, opening will say
    auto const size = std::filesystem::file_size(path, unknown);
    check(unknown ? 0 : size);
    auto in = open_file(path);
    errno = 0;
    constexpr std::size_t block = std::size_t{1} << 20;
    std::string content;
    content.reserve((unknown ? 0 : static_cast<std::size_t>(size)) + block); // the last block comes up short
    while (in) {
        auto const before = content.size();
        content.resize(before + block);
        in.read(content.data() + before, static_cast<std::streamsize>(block));
        content.resize(before + static_cast<std::size_t>(in.gcount()));
        check(content.size());
    }
    if (in.bad()) {
        fail_to_read(path);
    }
    return content;
}

void write_text_file(std::string const& path, std::string_view content) {
    TextFileWriter file{path};
    file.write(content);
    file.commit();
}

struct TextFileWriter::File {
    std::string path; ///< as the user named it
    OutputPlace place;
    std::string temporary; ///< empty where it is written straight
    std::ofstream out;
    int failed = 0; ///< why the first write that failed did

    [[noreturn]] void fail(std::string_view reason) const {
        throw InputError{Origin::whole_file(path), fmt::format("cannot be written ({})", reason)};
    }
};

TextFileWriter::TextFileWriter(std::string path) : file_{std::make_unique<File>()} {
    file_->place = output_place(path);
    file_->path = std::move(path);
    auto const& place = file_->place;
    file_->temporary = place.straight ? "" : fmt::format("{}.tmp{}", place.path, getpid());
    errno = 0;
    file_->out.open(place.straight ? place.path : file_->temporary,
                    place.straight ? std::ios::binary | std::ios::app : std::ios::binary);
    if (!file_->out) {
        file_->fail(std::strerror(errno ? errno : EIO));
    }
}

TextFileWriter::~TextFileWriter() {
    file_->out.close();
    std::error_code ignored;
    if (!file_->temporary.empty()) {
        std::filesystem::remove(file_->temporary, ignored);
    }
}

void TextFileWriter::write(std::string_view piece) {
    errno = 0;
    file_->out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (!file_->out && file_->failed == 0) {
        file_->failed = errno;
    }
}

void TextFileWriter::commit() {
    errno = 0;
    file_->out.close(); // flushes; an earlier failure still shows
    if (!file_->out) {
        auto const reason = file_->failed ? file_->failed : errno;
        file_->fail(std::strerror(reason ? reason : EIO));
    }
    if (file_->place.straight) {
        return;
    }
    std::error_code error;
    std::filesystem::rename(file_->temporary, file_->place.path, error);
    if (error) {
        file_->fail(error.message());
    }
}

} // namespace moesaic::io
