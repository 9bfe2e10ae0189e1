#include "cli/mpi/subprocess.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace moesaic::cli {

Subprocess::Subprocess(std::vector<std::string> const& command) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) {
        throw BugError{fmt::format("pipe: {}", std::strerror(errno))};
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    std::vector<char*> words;
    for (auto const& word : command) {
        words.push_back(const_cast<char*>(word.c_str())); // argv is not const, though nobody writes to it
    }
    words.push_back(nullptr);
    auto const error = ::posix_spawn(&pid_, words[0], &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    input_ = to[1];
    output_ = from[0];
    if (error != 0) {
        close_input();
        ::close(output_);
        throw InputError{Origin::whole_file(command.front()),
                         fmt::format("cannot be started ({})", std::strerror(error))};
    }
}

Subprocess::~Subprocess() {
    wait();
    ::close(output_);
}

void Subprocess::close_input() {
    if (input_ >= 0) {
        ::close(input_);
        input_ = -1;
    }
}

bool Subprocess::write(std::string const& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        auto const written = ::write(input_, text.data() + done, text.size() - done);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
    return true;
}

std::optional<std::string> Subprocess::read_line() {
    for (;;) {
        if (auto const end = text_.find('\n'); end != std::string::npos) {
            auto line = text_.substr(0, end);
            text_.erase(0, end + 1);
            return line;
        }
        char buffer[65536];
        auto const got = ::read(output_, buffer, sizeof buffer);
        if (got > 0) {
            text_.append(buffer, static_cast<std::size_t>(got));
        } else if (got == 0 || errno != EINTR) {
            return std::nullopt;
        }
    }
}

int Subprocess::wait() {
    close_input();
    if (pid_ < 0) {
        return 0;
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string moesaic_path() {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "moesaic").string();
}

} // namespace moesaic::cli
