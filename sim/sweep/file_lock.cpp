#include "sweep/file_lock.hpp"

#include "base/errors.hpp"
#include "sweep/journal.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

namespace fs = std::filesystem;

InputError cannot_be(std::string const& path, std::string_view done, int error) {
    return InputError{Origin::whole_file(path), fmt::format("cannot be {} ({})", done, std::strerror(error)),
                      "Choose a result file with -o in a folder that can be written"};
}

/// "process 4711 on node3"
std::string this_process() {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return fmt::format("process {} on {}", ::getpid(), host.data());
}

} // namespace

int open_to_write(std::string const& path) {
    auto const folder = fs::path{path}.parent_path().string();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw cannot_be(folder, "made", error.value());
    }
    auto const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) {
        throw cannot_be(path, "written", errno);
    }
    return file;
}

bool take_lock(int file, std::string const& path, LockKind kind) {
    constexpr int attempts = 40;
    constexpr useconds_t pause = 50'000;
    auto const how = (kind == LockKind::alone ? LOCK_EX : LOCK_SH) | LOCK_NB;
    for (int attempt = 0; ::flock(file, how) != 0; ++attempt) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            throw cannot_be(path, "locked", errno);
        }
        if (attempt == attempts) {
            return false;
        }
        ::usleep(pause);
    }
    return true;
}

OutputLock::OutputLock(std::string const& output, LockKind kind) : path_{parts_folder(output) + "/lock"} {
    for (;;) {
        file_ = open_to_write(path_);
        if (!take_lock(file_, path_, kind)) {
            refuse();
        }
        if (is_in_place()) {
            break;
        }
        ::close(file_); // a sweep that came to its end has just removed it
    }
    auto const who = kind == LockKind::alone ? this_process() : "";
    std::ignore = ::ftruncate(file_, 0); // who it is only serves the message
    std::ignore = ::write(file_, who.data(), who.size());
}

OutputLock::~OutputLock() { ::close(file_); }

bool OutputLock::is_in_place() const {
    struct stat mine{}, there{};
    return ::fstat(file_, &mine) == 0 && ::stat(path_.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

void OutputLock::refuse() const {
    std::array<char, 512> who{};
    std::ignore = ::pread(file_, who.data(), who.size() - 1, 0);
    ::close(file_);
    throw InputError{
        Origin::whole_file(path_),
        fmt::format("{} is at work on this result", who[0] == 0 ? "another process" : who.data()),
        "Wait for it, or choose another result file with -o"};
}

} // namespace moesaic::sweep
