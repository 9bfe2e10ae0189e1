#include "planner/candidate.hpp"

#include "base/overloaded.hpp"

#include <numeric>

namespace moesaic::planner {

using namespace parallel;

std::size_t Lanes::of(Candidate const& candidate) const {
    if (candidate.kinds.size() > 1) {
        return replicas();
    }
    auto const& segments = candidate.kinds.front().segments;
    bool const alone = segments.front().pool == segments.back().pool;
    return alone ? static_cast<std::size_t>(segments.front().pool) : stages();
}

int stages_of(KindChoice const& kind) {
    return std::accumulate(kind.segments.begin(), kind.segments.end(), 0,
                           [](int sum, Segment const& s) { return sum + s.stages; });
}

std::vector<int> chips_by_pool(Candidate const& candidate, std::size_t pools) {
    std::vector<int> out(pools, 0);
    for (auto const& kind : candidate.kinds) {
        for (auto const& segment : kind.segments) {
            out[static_cast<std::size_t>(segment.pool)] +=
                segment.stages * segment.tensor * kind.context * kind.replicas;
        }
    }
    return out;
}

bool is_paired(Schedule const& schedule) {
    return std::visit(overloaded{[](OneFOneB s) { return s.paired; }, [](Interleaved s) { return s.paired; },
                                 [](DualPipe s) { return s.paired; }, [](DualPipeV s) { return s.paired; },
                                 [](auto const&) { return false; }},
                      schedule);
}

Turns turns_of(Schedule const& schedule) {
    if (is_paired(schedule)) {
        return Turns::paired;
    }
    bool const parted =
        std::visit(overloaded{[](ZeroBubbleH1) { return true; }, [](ZeroBubbleH2) { return true; },
                              [](DualPipe) { return true; }, [](DualPipeV) { return true; },
                              [](auto const&) { return false; }},
                   schedule);
    return parted ? Turns::parted : Turns::plain;
}

bool drains(Schedule const& schedule) {
    return std::holds_alternative<OneFOneB>(schedule) || std::holds_alternative<GPipe>(schedule);
}

} // namespace moesaic::planner
