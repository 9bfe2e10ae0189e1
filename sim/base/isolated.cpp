#include "base/isolated.hpp"

#include "base/errors.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moesaic {

namespace {

/// What a child writes before its text.
enum class Kind : char { value = 'v', input_error = 'i', bug = 'b' };

struct Child {
    pid_t pid = 0;
    int pipe = -1;
};

void write_all(int to, std::string_view text) {
    while (!text.empty()) {
        auto const written = ::write(to, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            ::_exit(1);
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

[[noreturn]] void be_child(std::function<std::string()> const& job, int to) {
    auto const say = [to](Kind kind, std::string_view text) {
        write_all(to, fmt::format("{}{}", static_cast<char>(kind), text));
    };
    try {
        say(Kind::value, job());
    } catch (InputError const& error) {
        say(Kind::input_error, error.what());
    } catch (std::exception const& error) {
        say(Kind::bug, error.what());
    }
    std::fflush(nullptr);
    ::_exit(0); // no destructors of the parent's objects, no second flush of its buffers
}

Child start(std::function<std::string()> const& job) {
    int ends[2];
    std::fflush(nullptr);
    if (::pipe(ends) != 0) {
        throw BugError{fmt::format("pipe: {}", std::strerror(errno))};
    }
    auto const pid = ::fork();
    if (pid < 0) {
        throw BugError{fmt::format("fork: {}", std::strerror(errno))};
    }
    if (pid == 0) {
        ::close(ends[0]);
        be_child(job, ends[1]);
    }
    ::close(ends[1]);
    return {pid, ends[0]};
}

/// Takes what the child has written; false at its end.
bool drain(Child const& child, std::string& said) {
    char buffer[65536];
    auto const got = ::read(child.pipe, buffer, sizeof buffer);
    if (got > 0) {
        said.append(buffer, static_cast<std::size_t>(got));
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

std::string finish(Child const& child, std::string const& said) {
    ::close(child.pipe);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        throw BugError{fmt::format("a simulation ended by signal {} ({})", WTERMSIG(status),
                                   strsignal(WTERMSIG(status)))};
    }
    if (said.empty()) {
        throw BugError{"a simulation ended without an answer"};
    }
    auto const text = said.substr(1);
    switch (static_cast<Kind>(said[0])) {
    case Kind::value:
        return text;
    case Kind::input_error:
        throw InputError{Origin{}, text};
    case Kind::bug:
        break;
    }
    throw BugError{text};
}

} // namespace

std::vector<std::string> run_isolated(std::vector<std::function<std::string()>> const& jobs, int workers,
                                      std::function<void(std::size_t)> const& done) {
    struct Running {
        std::size_t job;
        Child child;
        std::string said;
    };
    std::vector<std::string> out(jobs.size());
    std::vector<Running> running;
    std::size_t started = 0, finished = 0;
    while (finished < jobs.size()) {
        while (started < jobs.size() && running.size() < static_cast<std::size_t>(workers)) {
            running.push_back({started, start(jobs[started]), {}});
            ++started;
        }
        std::vector<pollfd> pipes;
        for (auto const& r : running) {
            pipes.push_back({r.child.pipe, POLLIN, 0});
        }
        if (::poll(pipes.data(), pipes.size(), -1) < 0 && errno != EINTR) {
            throw BugError{fmt::format("poll: {}", std::strerror(errno))};
        }
        for (auto i = pipes.size(); i-- > 0;) {
            if (pipes[i].revents == 0 || drain(running[i].child, running[i].said)) {
                continue;
            }
            out[running[i].job] = finish(running[i].child, running[i].said);
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
            if (done) {
                done(++finished);
            } else {
                ++finished;
            }
        }
    }
    return out;
}

} // namespace moesaic
