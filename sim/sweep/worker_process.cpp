#include "sweep/worker_process.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <new>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

constexpr char end_of_answer = '\n';

/// Where the handler for memory that ran out writes; of this process alone.
int answer_pipe = -1;
char memory_answer[256];

void write_all(int to, std::string_view text) {
    while (!text.empty()) {
        auto const written = ::write(to, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            ::_exit(1);
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

/// What was consulted, a tab, the result.
std::string answer_text(PointResult const& result, std::string const& consulted = {}) {
    return consulted + '\t' + text_of(result) + end_of_answer;
}

void answer(int to, PointResult const& result) { write_all(to, answer_text(result)); }

/// Called by operator new when nothing is left: says so without asking for memory, and ends.
void out_of_memory() {
    write_all(answer_pipe, memory_answer);
    ::_exit(0);
}

/// Bytes of data and stack that this process has, which RLIMIT_DATA counts. @return 0 where they are not known
double data_of_this_process() {
    std::ifstream in{"/proc/self/statm"};
    double total = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0; // pages
    in >> total >> resident >> shared >> text >> library >> data;
    return in ? data * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0.0;
}

void limit_memory(PointLimits const& limits) {
    rlimit const no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (limits.memory.value() <= 0) {
        return;
    }
    auto const text = answer_text(
        Failure{"memory", fmt::format("takes more than {:.0f} MiB", limits.memory.value() / 1048576.0)});
    std::snprintf(memory_answer, sizeof memory_answer, "%s", text.c_str());
    std::set_new_handler(out_of_memory);
    auto const most = static_cast<rlim_t>(data_of_this_process() + limits.memory.value());
    rlimit const data{most, most};
    ::setrlimit(RLIMIT_DATA, &data);
}

/// Nothing of the parent's stays open but the answer: a lock on its journal would outlive it.
void let_go(int kept) {
    ::close_range(3, static_cast<unsigned>(kept) - 1, 0);
    ::close_range(static_cast<unsigned>(kept) + 1, ~0U, 0);
    auto const nothing = ::open("/dev/null", O_RDWR);
    for (int standard = 0; standard <= 2; ++standard) {
        ::dup2(nothing, standard);
    }
    ::close(nothing);
}

void reset_signals() {
    for (int const signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
        ::signal(signal, SIG_DFL);
    }
}

} // namespace

void be_worker(WorkerOrders const& orders, Point const& point) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != orders.parent) {
        ::_exit(1); // it died before the line above
    }
    reset_signals();
    answer_pipe = orders.answer;
    let_go(orders.answer);
    limit_memory(orders.limits);
    try {
        auto const said = orders.run(point);
        write_all(orders.answer, answer_text(said.cells, said.consulted));
    } catch (InputError const& error) {
        answer(orders.answer, Failure{"input", error.what()});
    } catch (std::bad_alloc const&) {
        answer(orders.answer, Failure{"memory", "this machine has no memory left for it"});
    } catch (std::exception const& error) {
        answer(orders.answer, Failure{"bug", error.what()});
    }
    ::_exit(0); // no destructors of the parent's objects
}

std::optional<WorkerAnswer> answer_of(std::string const& said) {
    auto const end = said.find(end_of_answer);
    auto const tab = said.find('\t');
    if (end == std::string::npos || tab > end) {
        return std::nullopt;
    }
    try {
        return WorkerAnswer{result_of(std::string_view{said}.substr(tab + 1, end - tab - 1)),
                            said.substr(0, tab)};
    } catch (InputError const&) {
        return std::nullopt; // a process gone wild
    }
}

} // namespace moesaic::sweep
