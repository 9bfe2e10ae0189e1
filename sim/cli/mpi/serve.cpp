#include "base/errors.hpp"
#include "cli/mpi/messages.hpp"
#include "cli/mpi/roles.hpp"
#include "cli/mpi/subprocess.hpp"
#include "io/parse_number.hpp"
#include "sweep/cell.hpp"

#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

namespace moesaic::cli {

namespace {

/// "12 ok cached d0.4", parted by tabs.
Done done_of(std::string const& line) {
    std::istringstream in{line};
    std::string point, state, source, value;
    std::getline(in, point, '\t');
    std::getline(in, state, '\t');
    std::getline(in, source, '\t');
    std::getline(in, value, '\t');
    auto const number_of_point = io::parse_number<std::int64_t>(point);
    expects(number_of_point.has_value(), "a worker's line begins with a point");
    auto const cell = sweep::cell_of(value);
    auto const* number = std::get_if<double>(&cell);
    return {.point = *number_of_point,
            .failed = state == "failed" ? 1 : 0,
            .cached = source == "computed" ? 0 : 1,
            .has_value = number ? 1 : 0,
            .value = number ? *number : 0.0};
}

std::string lines_of(auto const& points) {
    std::string out;
    for (auto const point : points) {
        out += fmt::format("{}\n", point);
    }
    return out;
}

/// A worker process that is started anew when it ends, with the points it still
/// has to do.
class Worker {
  public:
    explicit Worker(std::vector<std::string> command) : command_{std::move(command)} {}

    void give(std::vector<std::int64_t> const& points) {
        outstanding_.insert(points.begin(), points.end());
        if (!process_ || !process_->write(lines_of(points))) {
            restart();
        }
    }
    [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }

    /// The next finished point. @throws InputError where the process cannot go on
    Done next() {
        for (;;) {
            if (auto const line = process_->read_line()) {
                auto const done = done_of(*line);
                ends_ = 0;
                if (outstanding_.erase(done.point) > 0) {
                    return done;
                }
            } else {
                restart();
            }
        }
    }

  private:
    void restart() {
        constexpr int most = 5, input_error = 2;
        if (process_ && process_->wait() == input_error) {
            throw InputError{Origin::whole_file(command_.front()), "ended with the error above"};
        }
        if (++ends_ > most) {
            throw InputError{Origin::whole_file(command_.front()),
                             fmt::format("ended {} times without finishing a point", most)};
        }
        process_.reset();
        process_ = std::make_unique<Subprocess>(command_);
        process_->write(lines_of(outstanding_));
    }

    std::vector<std::string> command_;
    std::unique_ptr<Subprocess> process_;
    std::set<std::int64_t> outstanding_;
    int ends_ = 0; ///< since it last finished a point
};

} // namespace

std::vector<std::string> worker_command(SweepArguments const& a, int rank) {
    std::vector<std::string> out{moesaic_path(), "sweep-worker", a.file, "-o", output_of(a)};
    auto const add = [&](std::string option, std::string value) {
        out.push_back(std::move(option));
        out.push_back(std::move(value));
    };
    for (auto const& table : a.timings) {
        add("--timings", table);
    }
    add("--journal", fmt::format("rank-{}", rank));
    add("--workers", fmt::format("{}", a.workers));
    add("--time-limit", fmt::format("{}", a.time_limit_s));
    add("--cache-limit", fmt::format("{}", a.cache_limit_gb));
    add("--memory-limit", fmt::format("{}", a.memory_limit_gib));
    if (!a.cache.empty()) {
        add("--cache", a.cache);
    }
    if (a.no_cache) {
        out.emplace_back("--no-cache");
    }
    if (a.retry_failed) {
        out.emplace_back("--retry-failed");
    }
    return out;
}

void serve(SweepArguments const& arguments, int rank) {
    Worker worker{worker_command(arguments, rank)};
    auto const ahead = arguments.workers + 2; // so that no worker waits for a message
    bool more = true;
    while (more || worker.outstanding() > 0) {
        if (more && static_cast<int>(worker.outstanding()) < ahead) {
            auto const points = ask_for_points(ahead);
            more = !points.empty();
            if (more) {
                worker.give(points);
            }
        } else {
            tell_done(worker.next());
        }
    }
    tell_leaving();
}

} // namespace moesaic::cli
