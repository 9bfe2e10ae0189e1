#include "sweep/journal.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sys/file.h>
#include <tuple>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

namespace fs = std::filesystem;

/// @return the bytes of all whole lines at the start of the file
std::int64_t scan(std::string const& path, std::function<void(Record&&, std::int64_t)> const& each) {
    std::ifstream in{path, std::ios::binary};
    std::int64_t whole = 0;
    for (std::string line; std::getline(in, line);) {
        auto record = read_record(line);
        if (in.eof() || !record) { // the line end is missing, or the line is broken
            break;
        }
        if (each) {
            each(std::move(*record), whole);
        }
        whole += static_cast<std::int64_t>(line.size()) + 1;
    }
    return whole;
}

} // namespace

Journal::Journal(std::string path) : path_{std::move(path)} {
    auto const folder = fs::path{path_}.parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw InputError{Origin::whole_file(folder.string()),
                         fmt::format("cannot be made ({})", error.message()),
                         "Choose a result file with -o in a folder that can be written"};
    }
    open_and_lock();
    cut_off_rest();
}

Journal::~Journal() {
    if (file_ >= 0) {
        ::fdatasync(file_);
        ::close(file_);
    }
}

void Journal::fail(int error) const {
    throw InputError{Origin::whole_file(path_), fmt::format("cannot be written ({})", std::strerror(error)),
                     "Finished points are kept; the same command goes on from there"};
}

void Journal::open_and_lock() {
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file_ < 0) {
        fail(errno);
    }
    // Workers of a killed sweep end within moments of it.
    for (int attempt = 0; ::flock(file_, LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            fail(errno);
        }
        if (attempt == 40) {
            ::close(file_);
            throw InputError{Origin::whole_file(path_), "another process is writing this sweep",
                             "Wait for it, or choose another result file with -o"};
        }
        ::usleep(50'000);
    }
}

void Journal::cut_off_rest() {
    length_ = scan(path_, {});
    if (::ftruncate(file_, length_) != 0 || ::lseek(file_, length_, SEEK_SET) != length_) {
        fail(errno);
    }
}

std::int64_t Journal::add(Record const& record) {
    auto const line = line_of(record) + '\n';
    std::size_t done = 0;
    while (done < line.size()) {
        auto const written = ::write(file_, line.data() + done, line.size() - done);
        if (written < 0 && errno != EINTR) {
            auto const error = errno;
            std::ignore = ::ftruncate(file_, length_); // else cut off at the next start
            fail(error);
        }
        done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
    auto const place = length_;
    length_ += static_cast<std::int64_t>(line.size());
    return place;
}

void Journal::sync() {
    if (::fdatasync(file_) != 0 && errno != EINVAL &&
        errno != EROFS) { // the two: a file that cannot be synced
        fail(errno);
    }
}

void read_journal(std::string const& path, std::function<void(Record&&, std::int64_t)> const& each) {
    scan(path, each);
}

std::optional<Record> read_journal_at(std::string const& path, std::int64_t place) {
    std::ifstream in{path, std::ios::binary};
    in.seekg(place);
    std::string line;
    return std::getline(in, line) ? read_record(line) : std::nullopt;
}

std::string parts_folder(std::string const& output) { return output + ".parts"; }

std::vector<std::string> journals_in(std::string const& folder) {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}; !error && at != fs::directory_iterator{};
         at.increment(error)) {
        if (at->path().extension() == ".journal") {
            out.push_back(at->path().string());
        }
    }
    std::ranges::sort(out);
    return out;
}

} // namespace moesaic::sweep
