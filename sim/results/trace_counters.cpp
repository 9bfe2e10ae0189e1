#include "results/trace_counters.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace moesaic::results {

namespace {

using parallel::Phase;

/// Changes of a value by when they happen.
using Changes = std::map<std::int64_t, double>;

/// The values from `start` on, 0 where rounding leaves less than a part in 1e9 of the greatest.
std::vector<std::pair<std::int64_t, double>> sums_of(Changes const& changes, double start) {
    std::vector<std::pair<std::int64_t, double>> out;
    double value = start;
    double greatest = 0.0;
    for (auto const& [when, change] : changes) {
        value += change;
        greatest = std::max(greatest, std::abs(value));
        out.emplace_back(when, std::abs(value) < 1e-9 * greatest ? 0.0 : value);
    }
    return out;
}

/// One micro-batch in one block of one simulated rank.
using Turn = std::tuple<int, ChipIndex, int, int>;

struct Span {
    Phase phase = Phase::forward;
    Seconds start;
    Seconds end;
};

/// When each turn's kernels begin and end.
std::map<Turn, Span> turns_of(Run const& run) {
    std::map<Turn, Span> turns;
    for (auto const& event : run.timeline.events) {
        if (event.op < 0 || event.stream != parallel::Stream::compute) {
            continue;
        }
        auto const& blocks = run.program->classes[static_cast<std::size_t>(event.rank_class)].blocks;
        auto const phase = blocks[static_cast<std::size_t>(event.block)].phase;
        auto const [at, is_new] =
            turns.try_emplace(Turn{event.rank_class, event.rank, event.block, event.micro_batch},
                              Span{phase, event.start, event.end});
        at->second.start = std::min(at->second.start, event.start);
        at->second.end = std::max(at->second.end, event.end);
    }
    return turns;
}

/// Turns in flight of each simulated rank. A forward adds one when it begins, a backward (or the gradients of the
/// weights) takes one when it ends; a pair of both leaves their number as it is.
std::map<std::pair<int, ChipIndex>, Changes> in_flight(Run const& run) {
    std::map<std::pair<int, ChipIndex>, Changes> out;
    for (auto const& [turn, span] : turns_of(run)) {
        auto& changes = out[{std::get<0>(turn), std::get<1>(turn)}];
        changes[0] += 0.0;
        if (span.phase == Phase::forward) {
            changes[nanoseconds(span.start)] += 1.0;
        } else if (span.phase == Phase::backward || span.phase == Phase::weight_gradient) {
            changes[nanoseconds(span.end)] -= 1.0;
        }
    }
    return out;
}

} // namespace

std::int64_t nanoseconds(Seconds time) { return std::llround(time.value() * 1e9); }

std::vector<Counter> link_counters(engine::Timeline const& timeline) {
    std::vector<Counter> out;
    for (auto const& link : timeline.links) {
        Changes changes{{0, 0.0}};
        for (auto const& stretch : link.stretches) {
            auto const start = nanoseconds(stretch.start);
            auto const end = nanoseconds(stretch.end);
            if (start < end) {
                auto const bytes_per_ns = stretch.bytes.value() / static_cast<double>(end - start); // = GB/s
                changes[start] += bytes_per_ns;
                changes[end] -= bytes_per_ns;
            }
        }
        out.push_back({link.name, "GB/s", sums_of(changes, 0.0)});
    }
    return out;
}

std::map<std::pair<int, ChipIndex>, Counter> memory_counters(Run const& run) {
    expects(run.program.has_value(), "memory over time is of a run that kept its events");
    std::map<std::pair<int, ChipIndex>, Counter> out;
    for (auto const& [place, changes] : in_flight(run)) {
        auto const& parts = run.memory[static_cast<std::size_t>(place.first)].parts;
        auto values = sums_of(changes, 0.0);
        auto const most =
            std::ranges::max_element(values, {}, [](auto const& v) { return v.second; })->second;
        auto const stays = (parts.total() - parts.activations).value();
        for (auto& [when, turns] : values) {
            auto const share = most > 0.0 ? turns / most : 0.0;
            turns = (stays + parts.activations.value() * share) / bytes_per_gib;
        }
        out[place] = {"memory", "GiB", std::move(values)};
    }
    return out;
}

} // namespace moesaic::results
