#pragma once
#include "base/errors.hpp"
#include "base/heap.hpp"

#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>

namespace moesaic::test {

/// What the work gave, and what its process took.
template <class Result>
struct Apart {
    Result result{};
    double cpu_s = 0.0;
    double peak_mib = 0.0; ///< holds what the parent had before
};

/// Runs the work in a process of its own, since a process may simulate once only.
/// @param work returns a trivially copyable value
/// @throws BugError where the process did not end well
template <class Work>
auto apart(Work const& work) -> Apart<std::invoke_result_t<Work>> {
    using Result = std::invoke_result_t<Work>;
    static_assert(std::is_trivially_copyable_v<Result>);
    int ends[2];
    expects(pipe(ends) == 0, "a pipe opens");
    std::fflush(nullptr); // or the child would print it again
    auto const child = fork();
    expects(child >= 0, "a process forks");
    if (child == 0) {
        prepare_heap(); // as the program does
        int code = 1;
        try {
            auto const result = work();
            code = write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1;
        } catch (std::exception const& error) {
            std::fprintf(stderr, "apart: %s\n", error.what());
        }
        _exit(code);
    }
    close(ends[1]);
    Apart<Result> out;
    auto const got = read(ends[0], &out.result, sizeof out.result);
    close(ends[0]);
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    expects(got == sizeof out.result && status == 0, "the work in its own process ends well");
    out.cpu_s = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    out.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024.0;
    return out;
}

} // namespace moesaic::test
