#include "sweep/worker_pool.hpp"

#include "base/errors.hpp"
#include "sweep/worker_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

constexpr int most_attempts = 5;

/// Signals that come from outside: a user, a batch system, the kernel short of memory.
bool came_from_outside(int signal) {
    return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP ||
           signal == SIGQUIT;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

PointResult crash(int signal) {
    return Failure{"crash",
                   fmt::format("the simulation ended by signal {} ({})", signal, ::strsignal(signal))};
}

} // namespace

WorkerPool::WorkerPool(RunPoint run, int workers, PointLimits limits)
    : run_{std::move(run)}, workers_{static_cast<std::size_t>(std::max(1, workers))}, limits_{limits} {}

WorkerPool::~WorkerPool() {
    for (auto const& child : children_) {
        ::kill(child.pid, SIGKILL);
        ::close(child.pipe);
        wait_for(child.pid);
    }
}

void WorkerPool::start(Point point) {
    expects(has_room(), "a worker is free");
    Child child;
    child.point = std::move(point);
    launch(child);
    children_.push_back(std::move(child));
}

void WorkerPool::launch(Child& child) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw BugError{fmt::format("pipe: {}", std::strerror(errno))};
    }
    std::fflush(nullptr); // or the child's copy of the buffers would be written again
    auto const parent = ::getpid();
    auto const pid = ::fork();
    if (pid < 0) {
        throw BugError{fmt::format("fork: {}", std::strerror(errno))};
    }
    if (pid == 0) {
        be_worker({run_, limits_, parent, ends[1]}, child.point);
    }
    ::close(ends[1]);
    child.pid = pid;
    child.pipe = ends[0];
    child.said.clear();
    child.late = false;
    child.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(limits_.time.value()));
}

bool WorkerPool::listen(Child& child) {
    char buffer[65536];
    for (;;) {
        auto const got = ::read(child.pipe, buffer, sizeof buffer);
        if (got > 0) {
            child.said.append(buffer, static_cast<std::size_t>(got));
            return false;
        }
        if (got == 0 || errno != EINTR) {
            return true;
        }
    }
}

/// none where the child was started again.
std::optional<WorkerPool::Finished> WorkerPool::end_of(Child& child) {
    ::close(child.pipe);
    auto const status = wait_for(child.pid);
    if (auto answer = answer_of(child.said)) { // whatever came after it
        return Finished{std::move(child.point), std::move(answer->result), std::move(answer->consulted)};
    }
    if (auto failure = failure_of(child, status)) {
        return Finished{std::move(child.point), std::move(*failure), {}};
    }
    return std::nullopt;
}

/// Of a child that gave no answer; none where it was started again.
std::optional<PointResult> WorkerPool::failure_of(Child& child, int status) {
    if (child.late) {
        return Failure{"time", fmt::format("takes longer than {} s", limits_.time.value())};
    }
    if (!WIFSIGNALED(status)) {
        return Failure{"crash", fmt::format("the simulation ended with code {} and without an answer",
                                            WIFEXITED(status) ? WEXITSTATUS(status) : -1)};
    }
    auto const signal = WTERMSIG(status);
    if (!came_from_outside(signal)) {
        return crash(signal);
    }
    if (child.attempts == most_attempts) {
        return Failure{"crash", fmt::format("was killed {} times by signal {} ({}); is the memory full?",
                                            most_attempts, signal, ::strsignal(signal))};
    }
    ++child.attempts;
    launch(child);
    return std::nullopt;
}

void WorkerPool::kill_late() {
    for (auto& child : children_) {
        if (!child.late && Clock::now() >= child.deadline) {
            child.late = true;
            ::kill(child.pid, SIGKILL);
        }
    }
}

int WorkerPool::poll_time(Clock::time_point until) const {
    for (auto const& child : children_) {
        until = child.late ? until : std::min(until, child.deadline);
    }
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

std::optional<WorkerPool::Finished> WorkerPool::wait(std::chrono::milliseconds patience) {
    auto const until = Clock::now() + patience;
    while (!children_.empty()) {
        std::vector<pollfd> pipes;
        for (auto const& child : children_) {
            pipes.push_back({child.pipe, POLLIN, 0});
        }
        if (::poll(pipes.data(), pipes.size(), poll_time(until)) < 0) {
            return std::nullopt; // a signal
        }
        kill_late();
        auto pipe = pipes.begin();
        for (auto child = children_.begin(); child != children_.end(); ++child, ++pipe) {
            if (pipe->revents == 0 || !listen(*child)) {
                continue;
            }
            if (auto finished = end_of(*child)) {
                children_.erase(child);
                return finished;
            }
        }
        if (Clock::now() >= until) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace moesaic::sweep
