#include "economics/reliability.hpp"

#include "base/errors.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace moesaic::economics {

double chip_hours_per_failure(double of_chips, double node_hours_per_failure, double chips_per_node) {
    double rate = of_chips > 0.0 ? 1.0 / of_chips : 0.0; // per chip-hour
    if (node_hours_per_failure > 0.0) {
        rate += 1.0 / (node_hours_per_failure * chips_per_node);
    }
    return rate > 0.0 ? 1.0 / rate : 0.0;
}

Seconds job_mtbf(FailureModel const& failures, std::int64_t chips) {
    expects(chips > 0, "a job has chips");
    return failures.chip_hours_per_failure > 0.0
               ? Seconds{failures.chip_hours_per_failure * seconds_per_hour / static_cast<double>(chips)}
               : Seconds{HUGE_VAL};
}

Seconds best_interval(Seconds save, Seconds mtbf) {
    if (!std::isfinite(mtbf.value())) {
        return mtbf;
    }
    double const part = save / (2.0 * mtbf);
    return part < 1.0 ? 2.0 * mtbf * std::sqrt(part) * (1.0 + std::sqrt(part) / 3.0 + part / 9.0) - save
                      : mtbf;
}

namespace {

Seconds interval_of(FailureModel const& failures, CheckpointModel const& checkpoints, std::int64_t chips) {
    return checkpoints.interval.value_or(best_interval(checkpoints.save, job_mtbf(failures, chips)));
}

} // namespace

double expected_slowdown(FailureModel const& failures, CheckpointModel const& checkpoints,
                         std::int64_t chips) {
    auto const mtbf = job_mtbf(failures, chips);
    auto const interval = interval_of(failures, checkpoints, chips);
    if (!std::isfinite(mtbf.value())) {
        return std::isfinite(interval.value()) ? (interval + checkpoints.save) / interval : 1.0;
    }
    auto const recovery = failures.detection + failures.restart;
    return mtbf.value() * std::exp(recovery / mtbf) * std::expm1((interval + checkpoints.save) / mtbf) /
           interval.value();
}

ExpectedCourse expected_course(Seconds useful, FailureModel const& failures,
                               CheckpointModel const& checkpoints, std::int64_t chips) {
    auto const mtbf = job_mtbf(failures, chips);
    auto const wall = useful * expected_slowdown(failures, checkpoints, chips);
    return {std::isfinite(mtbf.value()) ? wall / mtbf : 0.0,
            useful / interval_of(failures, checkpoints, chips)};
}

namespace {

/// Nodes that failed and when they are back.
class RepairShop {
  public:
    explicit RepairShop(FailureModel const& failures) : failures_{failures} {}

    /// A node fails now. @return how long the job has to wait until it has enough nodes
    Seconds send(Seconds now) {
        if (!failures_.repair) {
            return Seconds{};
        }
        back_.push_back(now + *failures_.repair); // in order: all repairs take the same time
        while (!back_.empty() && back_.front() <= now) {
            back_.pop_front();
        }
        auto const away = static_cast<int>(back_.size());
        if (away <= failures_.spare_nodes) {
            return Seconds{};
        }
        return back_[static_cast<std::size_t>(away - failures_.spare_nodes - 1)] - now;
    }

  private:
    FailureModel const& failures_;
    std::deque<Seconds> back_;
};

} // namespace

RunThrough play_run(Seconds useful, FailureModel const& failures, CheckpointModel const& checkpoints,
                    std::int64_t chips, std::uint64_t seed) {
    auto const mtbf = job_mtbf(failures, chips);
    auto const interval = interval_of(failures, checkpoints, chips);
    Rng rng{seed, "failures"};
    auto const until_failure = [&] {
        return std::isfinite(mtbf.value()) ? Seconds{-mtbf.value() * std::log1p(-rng.uniform())} : mtbf;
    };
    constexpr std::int64_t no_progress = 100'000'000;

    RunThrough run;
    Seconds done;
    auto next = until_failure(); // from now
    RepairShop shop{failures};
    auto const recover = [&] {
        auto const recovery = failures.detection + failures.restart;
        for (;;) { // a failure while recovering begins the recovery anew
            expects(++run.failures < no_progress, "the job gets through its checkpoints");
            auto const wait = shop.send(run.wall);
            run.without_nodes += wait;
            run.wall += wait;
            next = until_failure();
            auto const stood = std::min(recovery, next);
            run.recovering += stood;
            run.wall += stood;
            if (next > recovery) {
                next -= recovery;
                return;
            }
        }
    };
    while (done < useful) {
        auto const work = std::min(interval, useful - done);
        auto const segment = work + (done + work < useful ? checkpoints.save : Seconds{});
        if (next < segment) {
            run.wall += next;
            run.lost += std::min(next, work);
            run.saving += std::max(next - work, Seconds{});
            recover();
            continue;
        }
        next -= segment;
        run.wall += segment;
        run.saving += segment - work;
        run.checkpoints += segment > work ? 1 : 0;
        done += work;
    }
    return run;
}

} // namespace moesaic::economics
