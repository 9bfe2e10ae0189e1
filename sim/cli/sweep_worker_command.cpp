#include "base/errors.hpp"
#include "cli/command.hpp"
#include "cli/sweep_arguments.hpp"
#include "cli/sweep_executor.hpp"
#include "cli/sweep_progress.hpp"
#include "io/parse_number.hpp"
#include "sweep/journal.hpp"

#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace moesaic::cli {

namespace {

struct WorkerArguments {
    SweepArguments sweep;
    bool pending = false;
};

/// Numbers of points that come in on stdin, one a line.
class PointSource {
  public:
    [[nodiscard]] bool is_open() const { return open_; }
    /// Those that have come. @param patience how long to wait where there are none
    std::vector<std::int64_t> take(std::chrono::milliseconds patience) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (open_ && ::poll(&input, 1, static_cast<int>(patience.count())) > 0) {
            read_some();
        }
        std::vector<std::int64_t> out;
        for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1)) {
            out.push_back(number_in(text_.substr(0, end)));
        }
        return out;
    }

  private:
    void read_some() {
        char buffer[65536];
        auto const got = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (got > 0) {
            text_.append(buffer, static_cast<std::size_t>(got));
        }
        open_ = got > 0 || (got < 0 && errno == EINTR);
    }
    static std::int64_t number_in(std::string const& line) {
        auto const number = io::parse_number<std::int64_t>(line);
        if (!number) {
            throw InputError{Origin::whole_file("stdin"),
                             fmt::format("\"{}\" is no number of a point", line)};
        }
        return *number;
    }
    bool open_ = true;
    std::string text_;
};

/// "12 <tab> ok <tab> cached <tab> d0.4": point, ok or failed, how it was come by, the goal's value as a cell.
void tell(sweep::Record const& record, sweep::Source source, std::size_t goal) {
    auto const* cells = std::get_if<std::vector<sweep::Cell>>(&record.result);
    fmt::print("{}\t{}\t{}\t{}\n", record.point, cells ? "ok" : "failed",
               source == sweep::Source::computed ? "computed" : "cached",
               sweep::text_of(cells ? cells->at(goal) : sweep::Cell{}));
    std::fflush(stdout);
}

void run_points(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // the journal is free again as soon as its driver is gone
    auto options = runner_options(arguments);
    options.resume = false;
    auto const goal = find_goal(points.sweep(), executor.metric_columns());
    executor.warm_up();
    sweep::Runner runner{
        points, executor.executor(), options,
        [&](sweep::Record const& record, sweep::Source source) { tell(record, source, goal); }};
    constexpr std::chrono::milliseconds at_once{0}, moment{20}, long_time{60'000};
    auto const never = [] { return false; }; // it goes with its driver
    PointSource source;
    bool busy = false;
    while (source.is_open()) {
        for (auto const index : source.take(busy ? at_once : long_time)) {
            if (index < 0 || index >= points.size()) {
                throw InputError{Origin::whole_file("stdin"),
                                 fmt::format("the sweep has no point {}", index)};
            }
            runner.take(index, never);
        }
        busy = runner.attend(moment);
    }
    runner.finish(never);
}

void print_pending(SweepArguments const& arguments, sweep::Points const& points, SweepExecutor& executor) {
    (void)find_goal(points.sweep(), executor.metric_columns());
    executor.check_axes();
    sweep::Ledger ledger;
    ledger.read(sweep::parts_folder(output_of(arguments)), points, executor.content(),
                !arguments.retry_failed);
    for (std::int64_t index = 0; index < points.size(); ++index) {
        if (!ledger.has(index)) {
            fmt::print("{}\n", index);
        }
    }
}

void run(WorkerArguments const& arguments) {
    sweep::Points const points{sweep::read_sweep(arguments.sweep.file)};
    SweepExecutor executor{points, arguments.sweep.timings};
    if (arguments.pending) {
        print_pending(arguments.sweep, points, executor);
    } else {
        run_points(arguments.sweep, points, executor);
    }
}

} // namespace

void add_sweep_worker_command(CLI::App& app, Outcome&) {
    auto* command =
        app.add_subcommand("sweep-worker", "Run the points of a sweep whose numbers come in on stdin");
    command->group(""); // for drivers, not for people
    auto arguments = std::make_shared<WorkerArguments>();
    add_sweep_inputs(*command, arguments->sweep);
    add_worker_options(*command, arguments->sweep);
    command->add_option("--journal", arguments->sweep.journal,
                        "Name of the journal to write; one process each");
    command->add_flag("--pending", arguments->pending,
                      "Only print the numbers of the points that no journal has");
    command->footer(
        "Example: echo 3 | moesaic sweep-worker SWEEP -o RESULT.h5 --journal rank-1\n"
        "Prints a line for each finished point: number, ok or failed, computed or cached, the goal.\n"
        "moesaic merge writes the result.");
    command->callback([arguments] { run(*arguments); });
}

} // namespace moesaic::cli
