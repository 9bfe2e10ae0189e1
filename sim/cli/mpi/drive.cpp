#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "cli/mpi/messages.hpp"
#include "cli/mpi/roles.hpp"
#include "cli/mpi/subprocess.hpp"
#include "cli/sweep_progress.hpp"
#include "io/parse_number.hpp"
#include "sweep/file_lock.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

struct Pending {
    int exit_code = 0;
    std::vector<std::int64_t> points;
};

/// Numbers of the points that no journal has, as a process that knows scenarios
/// finds them.
Pending find_pending(SweepArguments const& arguments) {
    auto command = worker_command(arguments, 0);
    command.emplace_back("--pending");
    Subprocess process{command};
    Pending out;
    while (auto const line = process.read_line()) {
        auto const point = io::parse_number<std::int64_t>(*line);
        expects(point.has_value(), "a worker lists pending points");
        out.points.push_back(*point);
    }
    out.exit_code = process.wait();
    return out;
}

/// Few at a time towards the end, so that no rank has many left when the others
/// have none.
std::size_t chunk_of(std::size_t left, int ranks, int at_most) {
    auto const fair = left / (4 * static_cast<std::size_t>(std::max(1, ranks - 1)));
    return std::min(left, std::clamp<std::size_t>(fair, 1, static_cast<std::size_t>(at_most)));
}

void take_in(SweepProgress& progress, Done const& done) {
    sweep::Record record{done.point, "", sweep::Failure{}};
    if (done.failed == 0) {
        record.result =
            std::vector<sweep::Cell>{done.has_value != 0 ? sweep::Cell{done.value} : sweep::Cell{}};
    }
    progress.add(record, done.cached != 0 ? sweep::Source::cached : sweep::Source::computed);
}

/// Until every rank has finished what it was given.
void hand_out_all(std::vector<std::int64_t> const& points, int ranks, SweepProgress& progress) {
    std::size_t next = 0;
    int working = ranks - 1;
    while (working > 0) {
        auto const [rank, message] = next_message();
        std::visit(overloaded{[&](Asks asks) {
                                  auto const count = chunk_of(points.size() - next, ranks, asks.at_most);
                                  auto const begin = points.begin() + static_cast<std::ptrdiff_t>(next);
                                  hand_out(rank, {begin, begin + static_cast<std::ptrdiff_t>(count)});
                                  next += count;
                              },
                              [&](Done const& done) { take_in(progress, done); }, [&](Leaves) { --working; }},
                   message);
        progress.show();
    }
}

int merge(SweepArguments const& arguments) {
    std::vector<std::string> command{moesaic_path(), "merge", arguments.file, "-o", output_of(arguments)};
    for (auto const& table : arguments.timings) {
        command.insert(command.end(), {"--timings", table});
    }
    Subprocess process{command};
    while (auto const line = process.read_line()) {
        fmt::print("{}\n", *line);
    }
    return process.wait();
}

} // namespace

int drive(SweepArguments const& arguments, int ranks) {
    if (ranks < 2) {
        throw InputError{Origin::whole_file("moesaic-mpi"),
                         "needs two ranks or more: one hands out, the others run",
                         "mpirun -n 4 moesaic-mpi sweep ..; on one machine moesaic "
                         "sweep -j does it without MPI"};
    }
    sweep::Points const points{sweep::read_sweep(arguments.file)};
    std::optional<sweep::OutputLock> lock{std::in_place, output_of(arguments), sweep::LockKind::alone};
    auto const pending = find_pending(arguments);
    SweepProgress progress{points, 0, static_cast<std::int64_t>(pending.points.size()),
                           progress_kind(arguments.quiet, arguments.progress)};
    hand_out_all(pending.points, ranks, progress);
    if (pending.exit_code != 0) {
        return pending.exit_code;
    }
    progress.end();
    lock.reset(); // the merge takes it
    return merge(arguments);
}

} // namespace moesaic::cli
